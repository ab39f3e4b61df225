"""Whether the station still measures: control charts, studies, what is due, the pack for an audit.

Reads the log and records; writes files that a person asked for, and puts nothing in force.
"""
