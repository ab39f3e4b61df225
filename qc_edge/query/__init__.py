"""The one way to read the log: published files, database at rest, journal, evidence. Never
writes.
"""
