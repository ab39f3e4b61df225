"""Two models, or one model on two engines, over the same inputs: what moves, what flips, which one is right.

Reads the log and the evidence; writes pictures and lists, never the station.
"""
