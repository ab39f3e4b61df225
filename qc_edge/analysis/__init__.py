"""What a change would have done to the parts of the past: another threshold, another model.

Reads the log and the evidence; writes pictures, lists and its own results, never the station.
"""
