"""What a person at the box's own screen sees and answers."""
