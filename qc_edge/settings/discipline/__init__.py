"""Sections about the station as measuring equipment."""
