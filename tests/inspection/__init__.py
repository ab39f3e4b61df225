"""Tests of the way from the spool to the row, without a station."""
