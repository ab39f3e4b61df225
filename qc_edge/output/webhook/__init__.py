"""A server is told of each part after the line was: it tells and never decides."""
