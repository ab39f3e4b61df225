"""Checks of what a station's outputs need, before they are used."""
