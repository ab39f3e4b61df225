"""Puts the device image onto the disk of a box: shows, refuses, writes, reads back."""
