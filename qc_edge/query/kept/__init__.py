"""What is kept of the pictures behind the rows, and what was deleted by rule."""
