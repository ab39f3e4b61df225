"""What the station keeps: spool, evidence, traceability log. All writing, all SQL that writes."""
