"""Models brought to a station and judged on datasets: a bundle's figures, and what they are worth.

Offline; never runs a line.
"""
