"""Tests of asking the log."""
