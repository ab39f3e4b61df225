"""The benchmark: the station against the plain loops, side by side in one run. `python -m
tests.bench`.
"""
