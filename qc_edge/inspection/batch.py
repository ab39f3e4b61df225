"""What the inspector has in hand: files that were taken, and what shares one commit. Decides
nothing.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Gap
from qc_edge.inspection.inspection_row import ScoredFrame
from qc_edge.inspection.preparer import Candidate
from qc_edge.store.spooled_file import SpooledFile


@dataclass(slots=True)
class Prefetched:
    """A file that was taken; its candidate is being prepared, or it is a gap or an event."""

    waiting: SpooledFile
    candidate: Future[Candidate] | None


@dataclass(slots=True)
class Batch:
    """What shares one commit: rows from capture and judged frames, in order of arrival.

    `run` holds prepared frames on their way to the model, together.
    """

    rows: list[tuple[SpooledFile, Gap | Event]] = field(default_factory=list)
    judged: list[ScoredFrame] = field(default_factory=list)
    run: list[Candidate] = field(default_factory=list)

    def taken(self) -> list[SpooledFile]:
        """All files of the batch."""
        frames = [*(each.found for each in self.judged), *self.run]
        both = [waiting for waiting, _ in self.rows] + [found.waiting for found in frames]
        return sorted(both, key=lambda waiting: waiting.frame_id)

    def clear(self) -> None:
        """All of it has its rows."""
        self.rows, self.judged, self.run = [], [], []
