"""The demo's second part: two cameras, one answer for each part, and a changeover between products.

`station` makes the station and its two recipes, `light_barrier` fires both cameras for each part,
`run` is the whole course of it, `account` closes the count from the log, `summary` prints that.
"""
