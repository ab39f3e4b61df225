"""What the commands by which a station proves itself print."""
