"""The station at work: capture, arrivals, inspection, upkeep. One thread each, joined by the disk."""
