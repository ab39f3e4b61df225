"""The station's page: a process of its own that reads what the station writes.

It may end, hang or be attacked without the line: it holds no lock and no connection of the
station's, and whatever a person says on it becomes a file that the station takes up by itself.
"""
