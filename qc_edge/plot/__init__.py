"""Drawings as lists of marks, written as SVG, HTML or PNG."""
