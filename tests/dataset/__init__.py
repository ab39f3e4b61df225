"""Datasets: exports of a station, directories of pictures of others, and what they tell."""
