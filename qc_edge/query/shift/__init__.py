"""What the log holds of one shift, asked with SQL for the shift report. Writes nothing."""
