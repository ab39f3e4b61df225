"""The verbs of `qc-edge`, one module each with a function `command(...)`, listed in `qc_edge.cli`.

Only typer and the standard library are imported at the top of such a module; the product is
imported inside `command`, so that `qc-edge --help` starts at once. `options` holds the parameters
that all share.
"""
