"""What the gates of SE blocks do (Sec. 7.2): recorded, measured, drawn."""
