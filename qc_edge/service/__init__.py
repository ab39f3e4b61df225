"""What a process needs to be a good service: clock, beats, lock, log and systemd's
notifications.
"""
