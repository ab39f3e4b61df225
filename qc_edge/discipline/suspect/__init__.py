"""Suspect windows: what was judged since the station was last known to be right."""
