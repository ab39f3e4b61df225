"""Recipes of a station: written, approved, and changed over to while it runs."""
