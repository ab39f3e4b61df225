"""What a process needs to be a good service: clock, heartbeats, lock, log, systemd."""
