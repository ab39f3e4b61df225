"""What the doctor says of what comes from upstream."""
