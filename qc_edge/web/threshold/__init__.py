"""Threshold: what another one would have done, and a proposal that two people agree on."""
