"""Challenges: physical parts of which it is known what they are, shown to prove that the station
still catches what it must. Until they have been, where it is due, nothing is accepted.
"""
