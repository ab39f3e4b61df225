"""From the spool to the row and the line: arrivals, preparation, scoring, decision,
announcement.
"""
