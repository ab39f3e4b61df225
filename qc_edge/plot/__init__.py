"""Drawings as lists of marks, written as SVG, HTML or PNG. Decides nothing of what is drawn."""
