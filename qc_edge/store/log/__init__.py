"""The traceability log as it is written: chain, text journal, DuckDB file, and what owns them."""
