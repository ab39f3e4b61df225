"""The published log: what is published when, what is sealed, and what the views answer."""
