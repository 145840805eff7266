"""Pictures and statistics of data, networks and results."""
