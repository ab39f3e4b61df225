"""The station's page."""
