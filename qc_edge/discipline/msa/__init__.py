"""Measurement system analysis: whether persons and the station judge alike, alike again, and right.

`trials.py` reads studies, `attribute.py` and `gauge.py` are mathematics on values, `sheets.py`
puts them on paper.
"""
