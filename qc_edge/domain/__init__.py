"""The words of the product as values: no files, no clocks, no threads."""
