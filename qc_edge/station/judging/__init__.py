"""What judges on a station, as figures."""
