"""`python -m qc_edge` is `qc-edge`, where the command itself is not installed."""

from qc_edge.cli import main

main()
