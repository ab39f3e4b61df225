"""What reports count by: shifts as people name them, and what chance explains."""
