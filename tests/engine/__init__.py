"""Tests of the engines and their bundles."""
