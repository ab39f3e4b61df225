"""The handshake with the line, without any wire: what either side says, and what follows from it.

docs/plc.md is the contract for whoever programs the other side.
"""
