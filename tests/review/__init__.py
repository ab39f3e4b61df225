"""The review queue on logs made by hand."""
