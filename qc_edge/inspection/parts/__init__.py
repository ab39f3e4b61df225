"""Views become parts: which frames are of one part, and what the line is told of it."""
