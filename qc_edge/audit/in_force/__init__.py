"""What the log says was in force, held against the records on the disk and against the rows."""
