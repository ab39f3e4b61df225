"""From the camera to the spool: one durable file for each exposure, one row for each loss."""
