"""The station as a systemd service: lays units and their companions down, and takes them away."""
