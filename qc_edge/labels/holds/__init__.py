"""Holds: parts of which everything is to be kept until somebody releases them.

A hold is a record in the state's `holds/`, written by whoever may, taken up by the station, which
makes rows of it, one for each scope. `hold` and `release` are what pages, commands and checks call.
It changes neither a verdict nor what the line was told.
"""

from qc_edge.labels.holds.record import SaidHold
from qc_edge.labels.holds.request import HoldRequest, ReleaseRequest, of_frames, of_parts
from qc_edge.labels.holds.writing import WrittenHold, hold, release

__all__ = [
    "HoldRequest",
    "ReleaseRequest",
    "SaidHold",
    "WrittenHold",
    "hold",
    "of_frames",
    "of_parts",
    "release",
]
