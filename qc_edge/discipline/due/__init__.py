"""Everything of a station that has a date, in one calendar."""
