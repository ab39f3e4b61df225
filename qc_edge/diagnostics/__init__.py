"""Is a station fit to run, how is it, and what does its vendor need to know? Looks only, changes
nothing.
"""
