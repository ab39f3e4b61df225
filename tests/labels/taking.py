"""What takes up the labels of a station at rest, without the station."""

from __future__ import annotations

from typing import Any

from qc_edge.labels.taking_up import LabelTaker
from qc_edge.service.clock import FrameClock
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.event_log import MemoryEventLog


class Taking:
    """The ledger of a station at rest, and what takes up its labels."""

    def __init__(self, paths: StationPaths) -> None:
        self.ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
        self.events = MemoryEventLog()
        clock = FrameClock(paths.state / "frame-clock")
        self.taker = LabelTaker(paths, self.ledger, self.events, clock)

    def labels(self) -> list[tuple[Any, ...]]:
        """Key and person of each label, in order."""
        with self.ledger.snapshot() as log:
            return log.execute("SELECT record_id, who FROM labels ORDER BY chain_seq").fetchall()
