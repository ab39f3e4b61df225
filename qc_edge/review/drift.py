"""Parts far outside what their model was trained on, of each time that the station has said so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from qc_edge.analysis.beyond_learnt import beyond_learnt_within
from qc_edge.domain.events import Event, EventKind
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.review import queue_sql, reasons
from qc_edge.review.item import BASE, ReviewItem
from qc_edge.review.reasons import ReviewCause
from qc_edge.settings import Settings, StationPaths


@dataclass(slots=True)
class DriftReader:
    """What is new since it was asked last. Used by one thread at a time.

    By the events in the log and not by the clock: whoever looks, whenever, is told the same parts.
    """

    settings: Settings
    paths: StationPaths
    _told: int = 0

    def news(
        self, log: PublishedCursor, since: datetime
    ) -> Iterator[tuple[ReviewItem, ReviewCause]]:
        """The furthest parts before each such event, and why. Raises StoreError."""
        events = log.relation(Event.TABLE, Span(since=since), ("chain_seq", "kind", "recorded_at"))
        if events is None:
            return
        said = log.fetch(
            f"SELECT chain_seq, recorded_at FROM {events} "  # noqa: S608
            "WHERE kind = $kind AND chain_seq > $told ORDER BY chain_seq",
            {"kind": EventKind.BEYOND_LEARNT.value, "told": self._told},
        )
        for seq, at in said:
            self._told = seq
            yield from self._parts_before(log, at.replace(tzinfo=timezone.utc))

    def _parts_before(
        self, log: PublishedCursor, at: datetime
    ) -> Iterator[tuple[ReviewItem, ReviewCause]]:
        span = Span(since=at - self.settings.spc.stands_for, until=at)
        found = beyond_learnt_within(log, self.paths, span)
        inspections = log.relation("inspections", span, BASE)
        if found is None or not found.far or inspections is None:
            return
        ranges = {each.name: each for each in found.figures}
        frames = [each.frame_id for each in found.far]
        rows = log.fetch(queue_sql.by_frame(inspections), {"frames": frames})
        items = {item.frame_id: item for item in (ReviewItem(*row) for row in rows)}
        for part in found.far:
            # Not there: its file was pruned between the two queries.
            if item := items.get(part.frame_id):
                yield item, reasons.drift(part, ranges[part.figure], found.bundle)
