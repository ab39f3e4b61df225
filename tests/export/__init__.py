"""Exports: what opens without the station, and what must not be left behind."""
