"""What the events say of records: which file each put in force, with which digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.in_force import InForce, record_kind, threshold_record
from qc_edge.query.audit_queries import fetch
from qc_edge.query.rows import Rows

_COLUMNS = ("record", "record_sha256")
_EVENTS = """
SELECT chain_seq, event_id, recorded_at, kind, who, after, {columns} FROM {rows}
WHERE kind IN ('in_force', 'threshold', 'model', 'activation_refused', 'calibration',
               'recipe', 'recipe_refused',
               'scores_accepted', 'settings', 'shadow_started', 'log_mended')
ORDER BY chain_seq
"""


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """An event that puts something in force or refuses it; `record` is None in earlier versions."""

    seq: int
    event_id: str
    recorded_at: datetime
    kind: str
    who: str
    after: str | None
    record: str | None
    record_sha256: str | None

    @property
    def snapshot(self) -> InForce | None:
        """All that was in force from here on; None if it is another event, or of a version that
        wrote it otherwise.
        """
        if self.kind != "in_force" or self.after is None:
            return None
        try:
            return InForce.from_json(self.after)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Claim:
    """That a record has this digest (hex; None: an earlier version noted none), and whose word that
    is.
    """

    path: str
    sha256: str | None
    event: RecordEvent

    @property
    def words(self) -> str:
        """The event, for a person."""
        event = self.event
        return (
            f"event {event.event_id} ({event.kind}, {event.recorded_at:%Y-%m-%d %H:%M} UTC, "
            f"{event.who})"
        )


def record_events(rows: Rows) -> list[RecordEvent]:
    """The events about records, oldest first; of the whole log. Raises StoreError."""
    with rows.held():
        present = rows.columns("events")
    columns = ", ".join(name if name in present else f"NULL AS {name}" for name in _COLUMNS)
    query = _EVENTS.replace("{columns}", columns)
    return [RecordEvent(*row) for row in fetch(rows, query, "events", 0, 2**62)]


def claims(events: Sequence[RecordEvent]) -> list[Claim]:
    """Each record with each digest that was told of it, once, by the first event that did."""
    found: dict[tuple[str, str | None], Claim] = {}
    for event in events:
        for path, sha256 in _told_by(event):
            found.setdefault((path, sha256), Claim(path, sha256, event))
    with_digest = {path for path, sha256 in found if sha256}
    return [claim for (path, sha256), claim in found.items() if sha256 or path not in with_digest]


def _told_by(event: RecordEvent) -> Iterator[tuple[str, str | None]]:
    # An own event says more of who did it than the snapshot behind it: it comes first in the chain.
    if event.record is not None:
        yield event.record, event.record_sha256
    elif event.kind == "threshold" and (name := threshold_record(event.after or "")) is not None:
        yield f"thresholds/{name}.toml", None
    if (snapshot := event.snapshot) is not None:
        yield from snapshot.record_files().items()
        if not snapshot.records:
            yield f"settings/{snapshot.settings}.json", snapshot.settings


def claims_of_kind(found: Sequence[Claim], kind: str) -> list[Claim]:
    """Those about records of one kind (`thresholds`, `models`)."""
    return [claim for claim in found if record_kind(claim.path) == kind]
