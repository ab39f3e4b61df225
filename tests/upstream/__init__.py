"""Tests of what goes upstream and comes back."""
