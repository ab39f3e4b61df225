"""Deleting by rule."""
