"""Outputs: how the line learns of a verdict. Each backend is a module here, imported when it is
used.

An output is told after the row is committed, never before; it neither decides nor changes anything.
"""

from __future__ import annotations

from typing import Protocol

from qc_edge.domain.inspection import Inspection


class Output(Protocol):
    """Called by the inspector's thread, in the order of the log."""

    def announce(self, inspection: Inspection) -> None:
        """Tell the line. Raises OutputError if it cannot be told; must not block for long."""

    def close(self) -> None:
        """No more verdicts will come. May be called twice."""
