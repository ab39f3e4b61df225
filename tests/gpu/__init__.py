"""What only a machine with an NVIDIA GPU can show. Run by `make gpu`, never collected by pytest."""
