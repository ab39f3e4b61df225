"""A log without a station: rows made by hand at chosen times, a ledger and a publisher for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from glob import glob
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.events import Event, Occurrence
from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.domain.inspection import COLUMNS, Gap, Inspection, Label, Row
from qc_edge.domain.verdict import Threshold, decide, invalid
from qc_edge.publish.publisher import Publisher
from qc_edge.query.retry import retried
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.event_log import MemoryEventLog

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
_NUMBERS = count()


def at(text: str) -> datetime:
    """`2026-11-22 13:59:59.500` as aware UTC; Python 3.10 wants three digits or six."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def new_id(when: datetime, source: str = "top") -> FrameId:
    """An id that no other row has."""
    return frame_id(int(when.timestamp()) * 1_000_000 + next(_NUMBERS), source)


def inspection(when: datetime, score: float | None = 0.1, **values: Any) -> Inspection:
    """A row recorded `when`; its verdict is that of `score` at the threshold 0.5, INVALID without
    one.
    """
    threshold = Threshold(0.5, 0.1, "tests:0.5")
    decision = (
        decide(score, threshold)
        if score is not None
        else invalid(values.get("reason", "low_focus"), "dull")
    )
    frame = values.pop("frame_id", None) or new_id(when)
    row: dict[str, Any] = {
        "frame_id": frame,
        "recorded_at": when,
        "part_id": frame[-30:],
        "part_source": "name",
        "lot": None,
        "station": "line1",
        "camera": "top",
        "camera_serial": "1",
        "camera_frame_number": None,
        "camera_timestamp": None,
        "captured_at": when,
        "monotonic_ns": 1,
        "boot_id": "boot",
        "clock_trusted": True,
        "simulated": True,
        "original_name": None,
        "pixel_format": "Mono8",
        "width": 96,
        "height": 96,
        "bit_depth": 8,
        "exposure_us": 1000.0,
        "gain_db": 0.0,
        "verdict": decision.verdict,
        "disposition": decision.disposition,
        "reason": decision.reason,
        "detail": decision.detail,
        "hold_reason": decision.hold_reason,
        "needs_review": decision.needs_review,
        "score": score,
        "threshold": threshold.value,
        "review_band": threshold.review_band,
        "threshold_id": threshold.threshold_id,
        "raw_path": f"evidence/{frame}.pgm",
        "raw_sha256": "a" * 64,
        "prepared_path": None,
        "prepared_sha256": None,
        "retrieved_at": None,
        "view": None,
        "recipe": None,
        "class_scores": None,
        "predicted_class": None,
        "attempt_id": None,
        "exposure_source": None,
        "map_path": None,
        "map_sha256": None,
        "preprocess_id": "p@1",
        "calibration_id": "c",
        "calibration_in_date": True,
        "model_name": "corner",
        "model_version": "1",
        "model_sha256": "m",
        "engine_backend": "scripted",
        "engine_version": "1",
        "engine_device": "cpu",
        "engine_plan_sha256": None,
        "software_version": "qc-edge",
        "settings_digest": "s",
        "focus": 100.0,
        "brightness": 128.0,
        "contrast": 40.0,
        "saturated_share": 0.0,
        "black_share": 0.0,
        "framing_score": 1.0,
        "framing_shift_px": 0.5,
        "wait_ms": 1.0,
        "read_ms": 1.0,
        "gates_ms": 1.0,
        "prepare_ms": 1.0,
        "infer_ms": 1.0,
        "evidence_ms": 1.0,
        "age_ms": 6.0,
    }
    return Inspection(**row | values)


def label(when: datetime, of: Inspection, said: str, who: str = "Ada", **values: Any) -> Label:
    """What `who` says of an inspection."""
    given = {"defect_class": None, "why": None} | values
    return Label(
        new_id(when, "label"), when, "line1", of.frame_id, of.part_id, said, who=who, **given
    )


def gap(when: datetime, lost: int = 1, **values: Any) -> Gap:
    """A loss."""
    given = {
        "camera": "top",
        "reason": "counter_gap",
        "first_frame_number": None,
        "last_frame_number": None,
    }
    return Gap(
        gap_id=new_id(when),
        recorded_at=when,
        station="line1",
        camera_serial=None,
        noticed_at=when,
        lost=lost,
        detail="lost",
        **given | values,
    )


def event(when: datetime, kind: str = "tested") -> Event:
    """An event."""
    return Event(new_id(when, "station"), when, "line1", kind, "tests", "words", None, None)


class LedgerEventLog(MemoryEventLog):
    """Keeps events in memory, and those of changes as rows of a ledger, recorded at `when`."""

    def __init__(self, ledger: Ledger, when: datetime) -> None:
        super().__init__()
        self._ledger = ledger
        self._when = when

    def record(self, occurrences: Sequence[Occurrence]) -> None:
        """Durable when it returns."""
        super().record(occurrences)
        rows = [
            replace(
                event(self._when, each.kind),
                detail=each.detail,
                after=each.after,
                record=each.record,
                record_sha256=each.record_sha256,
            )
            for each in occurrences
        ]
        self._ledger.commit(rows, self._when)


@dataclass
class Log:
    """A ledger with its publisher, and the events that the publisher reported."""

    state: Path
    ledger: Ledger
    publisher: Publisher
    events: MemoryEventLog = field(default_factory=MemoryEventLog)

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Kind and words of what the publisher found fault with."""
        return [(event.kind, event.detail) for event in self.events.occurrences]

    @property
    def published(self) -> Path:
        """The directory of the published files."""
        return self.state / "published"

    def add(self, *rows: Row) -> None:
        """Commit each row by itself, at the time that it says."""
        for row in rows:
            self.ledger.commit([row], row.recorded_at)

    def file(self, when: str, table: str = "events") -> Path:
        """The published file of the hour `2026-11-22 13`."""
        day, hour = when.split()
        return self.published / table / f"date={day}" / f"hour={hour}.parquet"

    def shown(self, table: str = "events") -> list[int]:
        """The numbers of the rows that the published files hold, in order of the files and in
        them.
        """
        return numbers(self.published, table)

    def kept(self, table: str = "events") -> list[int]:
        """The numbers of the rows in the database."""
        with self.ledger.snapshot() as log:
            return [
                seq
                for (seq,) in log.execute(f"SELECT chain_seq FROM {table} ORDER BY 1").fetchall()
            ]


def numbers(published: Path, table: str) -> list[int]:
    """The numbers of the rows that the files of a table hold."""
    files = sorted(str(path) for path in (published / table).glob("date=*/hour=*.parquet"))
    return [
        seq
        for (seq,) in asked(
            "SELECT chain_seq FROM read_parquet(?, hive_partitioning = false)", files
        )
    ]


def asked(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The answer of a DuckDB of its own; `values` may name published files of a running station."""

    def files() -> Iterator[Path]:
        return (Path(name) for pattern in values for name in glob(str(pattern)))  # noqa: PTH207 - absolute

    with duckdb.connect() as memory:
        return retried(lambda: memory.execute(sql, values).fetchall(), files)


@contextmanager
def log(
    state: Path,
    disk: Disk | None = None,
    *,
    compared: datetime | None = NOON,
    told: datetime | None = None,
) -> Iterator[Log]:
    """The log that is kept in `state`, opened, and its published files held against it at
    `compared`. Events of changes are rows of it where `told` is given, recorded then.
    """
    (state / "journal").mkdir(parents=True, exist_ok=True)
    ledger = Ledger(state / "t.duckdb", state / "journal", state / "set-aside", Disk())
    events = LedgerEventLog(ledger, told) if told else MemoryEventLog()
    publisher = Publisher(ledger, state / "published", disk or Disk(), "line1", events)
    try:
        if compared:
            publisher.compare(compared)
        yield Log(state, ledger, publisher, events)
    finally:
        ledger.close()


def long_hour(made: Log) -> None:
    """10,010 events; the database may be checkpointed anywhere between them."""
    for _ in range(10):
        made.ledger.commit([event(NOON) for _ in range(1000)], NOON)
        made.ledger.checkpoint(paused=False)
        made.add(event(NOON))


def everything(made: Log) -> None:
    """Every row of every table is published once and only once."""
    for table in COLUMNS:
        assert sorted(made.shown(table)) == made.kept(table), table
