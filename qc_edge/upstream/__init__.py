"""Sealed days on their way to the plant: sent, read back, receipted; and brought home again."""
