"""What a running station says of itself as measuring equipment."""
