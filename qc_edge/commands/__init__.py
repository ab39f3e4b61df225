"""The verbs of `qc-edge`, one module each with a function `command(...)`, listed in `qc_edge.cli`.

A module reads its options, calls the library and prints the result. Only typer and the standard
library are imported at its top; the product is imported inside `command`, so that `qc-edge --help`
starts at once. The parameters that all share are in `qc_edge.terminal.options`.
"""
