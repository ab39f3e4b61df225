"""Anchors in systemd's journal, read and held against the log."""
