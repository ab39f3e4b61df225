"""Tests of the station as measuring equipment."""
