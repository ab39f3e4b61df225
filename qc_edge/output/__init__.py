"""Outputs: how the line learns of a verdict. Each backend is a module of this package.

An output is called after the row is durable, never before; it neither decides nor changes anything.
"""

from __future__ import annotations

from typing import Protocol

from qc_edge.domain.parts.told import ToldPart


class Output(Protocol):
    """One way to tell the line. Called by the inspector's thread, in the order of the log."""

    def announce(self, told: ToldPart) -> None:
        """Tell the line of one part, once. Raises OutputError if it cannot be told.

        Must not block for long: the next frame waits meanwhile.
        """

    def close(self) -> None:
        """No more parts will be announced. May be called twice."""
