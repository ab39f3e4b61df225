"""What `qc-edge doctor` asks of the box itself: updates, slots, heat, open ports, certificates."""
