"""The archive for the vendor."""
