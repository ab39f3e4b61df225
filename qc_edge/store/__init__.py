"""What the station keeps: spool, evidence and the traceability log. SQL lives here and nowhere else."""
