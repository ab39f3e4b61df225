"""What persons say of parts, on its way from a page or a command into the log.

A label is a record in the state's `labels/`, written by whoever may, taken up by the station, which
makes a row of it. `write` and `dispute` are what pages and commands call.
"""

from qc_edge.labels.request import LabelRequest, MaskImage
from qc_edge.labels.writing import WrittenLabel, dispute, write

__all__ = ["LabelRequest", "MaskImage", "WrittenLabel", "dispute", "write"]
