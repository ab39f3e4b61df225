"""The running station: every object built in order, watched over, reported on, stopped."""
