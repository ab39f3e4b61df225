"""What a change would have done to the past."""
