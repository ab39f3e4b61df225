"""The published log: rows as Parquet files for anyone to read, sealed by day, and views on them."""
