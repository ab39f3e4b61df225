"""What takes hours at full size: `make test-long`."""
