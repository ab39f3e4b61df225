"""Datasets: a part of the log as pictures with labels that other tools learn from, and read back.

Reads the log and the evidence, and directories of pictures; never changes anything of a station.
"""
