"""The audit: everything that a station has kept held against everything else.

`verify.py` has the order of the steps, the other modules one kind of check each. Reads, also while
the station runs, and mends nothing.
"""
