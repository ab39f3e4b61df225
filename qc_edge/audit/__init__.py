"""The audit: everything that the station has kept held against everything else. Reads, and mends
nothing.
"""
