"""Hostile inputs for a running station: made by script, each with the truth about itself."""
