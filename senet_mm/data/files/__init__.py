"""Files and folders that are whole or not there: downloads, archives, parallel work."""
