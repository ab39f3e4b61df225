"""Sections about what is outside of the station."""
