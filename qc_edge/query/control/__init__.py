"""What control charts are drawn of: counts and means of points of time. Writes nothing."""
