"""A part of the log to take away: rows, views, labels and pictures that open without the station.

Reads what a station has published and kept, and writes into a place that the person names. What is
written is whole or absent: it grows in a hidden directory beside that place and is renamed last.
"""
