"""What is in force (model, threshold, calibrations, settings), why, and how a person changes it."""
