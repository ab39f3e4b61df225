"""Challenges: rules on values."""
