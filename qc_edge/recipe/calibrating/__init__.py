"""A calibration from frames of known-good parts: which frames, and what they ask for."""
