"""What is kept behind inspections, as values."""
