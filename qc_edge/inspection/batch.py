"""The files that share one commit. Holds them in order; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Gap
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.inspection.frames import PreparedFrame, ScoredFrame
from qc_edge.inspection.scoring.other_engines import HandedOver
from qc_edge.inspection.scoring.pace import ms_since
from qc_edge.intake.lanes import Lane
from qc_edge.store.spooled_file import SpooledFile


@dataclass(slots=True)
class Batch:
    """What shares one commit: rows that capture handed over, and scored frames, as they arrived.

    All frames are of one `lane`. `begun_at` is when the first went to the model (seconds of the
    monotonic clock), 0 before. `unscored` are prepared frames on their way there. `other_engine`
    is the one that scored them, None where it was the inspector's own.
    """

    lane: Lane = Lane.LIVE
    begun_at: float = 0.0
    other_engine: EngineThread | None = None
    rows: list[tuple[SpooledFile, Gap | Event]] = field(default_factory=list)
    scored: list[ScoredFrame] = field(default_factory=list)
    unscored: list[PreparedFrame] = field(default_factory=list)

    @classmethod
    def taken_back(cls, handed: HandedOver) -> Batch:
        """The frames that come back from another engine, without their scores yet."""
        return cls(handed.lane, handed.begun_at, handed.engine_thread, unscored=handed.frames)

    @property
    def size(self) -> int:
        """The number of rows that the batch will commit."""
        return len(self.rows) + len(self.scored)

    @property
    def took_ms(self) -> float:
        """Milliseconds since its first frame went to the model; 0 before."""
        return ms_since(self.begun_at) if self.begun_at else 0.0

    def files(self) -> list[SpooledFile]:
        """All files of the batch, oldest first."""
        prepared = [*(scored.prepared for scored in self.scored), *self.unscored]
        files = [file for file, _ in self.rows] + [frame.file for frame in prepared]
        return sorted(files, key=lambda file: file.frame_id)

    def clear(self) -> None:
        """Forget the files: each has its row and has left the spool."""
        self.rows, self.scored, self.unscored = [], [], []
