"""The station as a systemd service: the unit files on any machine, the life of a station in a
container.
"""
