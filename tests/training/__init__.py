"""Models brought to a station and judged on datasets."""
