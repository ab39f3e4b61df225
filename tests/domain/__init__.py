"""Tests of the words as values."""
