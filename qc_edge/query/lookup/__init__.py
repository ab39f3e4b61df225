"""Where to look for a part: the look-up indexes of sealed days. The rows are always read."""
