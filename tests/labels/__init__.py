"""Labels: from what a person says to a row of the log, and back out of it."""
