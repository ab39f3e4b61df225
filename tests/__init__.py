"""The tests of qc_edge; `python -m tests.bench` is the benchmark."""
