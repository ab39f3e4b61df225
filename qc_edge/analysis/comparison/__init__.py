"""Comparison: two models, or one on two engines, or the line's and the shadow, side by side."""
