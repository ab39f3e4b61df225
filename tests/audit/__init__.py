"""The audit: what it must find, and what it must leave alone."""
