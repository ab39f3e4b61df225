"""Which files wait for inspection, whose they are, and how old: spool, dropped files, sidecars."""
