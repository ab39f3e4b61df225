"""Brings what the queue knows up to the published log: each time only what is new in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from qc_edge.domain.inspection import Label
from qc_edge.domain.label import Said
from qc_edge.labels.drop import waiting_labels
from qc_edge.query.journal_reader import newest_rows
from qc_edge.query.label_rows import completed, effective_labels
from qc_edge.query.published_files import hour_files
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import EVERYTHING, Span
from qc_edge.review import queue_sql, reasons
from qc_edge.review.draw import draw_key, drawn_sql
from qc_edge.review.drift import DriftReader
from qc_edge.review.item import BASE, ReviewItem
from qc_edge.review.reasons import ReviewCause
from qc_edge.settings import Settings, StationPaths

_RECENT = timedelta(hours=3)
"""Published hours that are over do not change, but for a clock that was set back."""

_UNPUBLISHED = timedelta(seconds=30)
"""A row is published within seconds."""

_OVERLAP = timedelta(hours=1)
"""Rows of the shadow come later than those of their inspections."""


@dataclass(slots=True)
class Opinion:
    """What people have said of a frame: the label in effect, `disputed` if it is open again, who
    has said something, and who since it was disputed last.
    """

    label: str | None
    disputed: bool
    people: frozenset[str]
    since_dispute: frozenset[str]
    doubt: str | None = None


def unpublished_labels(paths: StationPaths, now: datetime) -> Iterator[tuple[str, str]]:
    """Frame and person of each label that waits to be taken up, or to be published."""
    for label in waiting_labels(paths):
        if label.label is not Said.DISPUTED:
            yield label.frame_id, label.who
    earliest = (now - _UNPUBLISHED).isoformat()
    for row in newest_rows(paths.journal):
        if str(row.get("recorded_at", "")) < earliest:
            return
        if row["table"] == Label.TABLE and row.get("label") != Said.DISPUTED:
            yield str(row["frame_id"]), str(row["who"])


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@dataclass(slots=True)
class LogReader:
    """What is new in the log since it was asked last. Used by one thread at a time."""

    settings: Settings
    paths: StationPaths
    drift: DriftReader
    _inspected: int = 0
    _shadowed: int = 0
    _labelled: int = 0
    _newest: datetime | None = None
    _counts: dict[tuple[str, int], int] = field(default_factory=dict)
    _present: frozenset[str] | None = None
    _files: dict[str, dict[Path, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: StationPaths, settings: Settings) -> LogReader:
        """One that has read nothing yet."""
        return cls(settings, paths, DriftReader(settings, paths))

    def news(self, log: PublishedCursor, now: datetime) -> Iterator[tuple[ReviewItem, ReviewCause]]:
        """Inspections that anything new speaks for, with each cause. Raises StoreError."""
        if self._has_news("inspections", now):
            yield from self.new_candidates(log, now)
        if self._has_news("shadow_scores", now):
            yield from self.new_disagreements(log, now)
        if self._has_news("events", now):
            earliest = now - timedelta(days=self.settings.review.look_back_days)
            yield from self.drift.news(log, earliest)

    def _has_news(self, table: str, now: datetime) -> bool:
        """Whether a file of the table was replaced since it was asked last: a look at the disk is
        faster than a query.
        """
        earliest = now - timedelta(days=self.settings.review.look_back_days)
        since = max(earliest, now - _RECENT) if table in self._files else earliest
        found = {path: _changed_at(path) for path in hour_files(self.paths.published, table, since)}
        before = self._files.get(table, {})
        self._files[table] = found
        return any(before.get(path) != at for path, at in found.items())

    def new_candidates(
        self, log: PublishedCursor, now: datetime
    ) -> Iterator[tuple[ReviewItem, ReviewCause]]:
        """Inspections that came since, with each cause to look at them. Raises StoreError."""
        span = Span(since=self._since(now))
        inspections = log.relation("inspections", span, queue_sql.NEEDED)
        if inspections is None:
            return
        if self._present is None:
            self._present = frozenset(log.columns("inspections"))
        changes = self._changes(log, now)
        values = self._parameters(sorted(changes), now)
        review = self.settings.review
        drawn = drawn_sql(draw_key(self.settings, "audit"), review.audit_share)
        within = values | {"first": review.after_change}
        within |= {
            "cameras": [camera for camera, _ in self._counts],
            "after_which": [seq for _, seq in self._counts],
            "counts": list(self._counts.values()),
        }
        found = log.fetch(queue_sql.candidates(inspections, self._present, drawn), within)
        counted = log.fetch(queue_sql.counted_after_changes(inspections), values)
        for row in found:
            yield from self._caused(row, changes)
        self._count(counted)

    def new_disagreements(
        self, log: PublishedCursor, now: datetime
    ) -> Iterator[tuple[ReviewItem, ReviewCause]]:
        """Inspections that the shadow has judged otherwise since. Raises StoreError."""
        earliest = now - timedelta(days=self.settings.review.look_back_days)
        shadow = log.relation("shadow_scores", Span(since=earliest))
        before = Span(since=self._since(now) - _OVERLAP)
        inspections = log.relation("inspections", before, BASE)
        if shadow is None or inspections is None:
            return
        query = queue_sql.shadow_disagreements(shadow, inspections)
        for *base, model, verdict, score, seq in log.fetch(query, {"after": self._shadowed}):
            item = ReviewItem(*base)
            self._shadowed = max(self._shadowed, seq)
            yield (
                item,
                reasons.shadow_disagrees(model, verdict, score, item.verdict, item.score or 0.0),
            )

    def new_opinions(self, log: PublishedCursor, now: datetime) -> Iterator[tuple[str, Opinion]]:
        """Frames of which somebody has said something since. Raises StoreError."""
        earliest = now - timedelta(days=self.settings.review.look_back_days)
        if not self._has_news("labels", now):
            return
        relation = log.relation("labels", Span(since=earliest))
        if relation is None:
            return
        # Of the files of these hours, not of all: an upgraded station has older ones beside them.
        labels = completed(relation, log.describe(relation))
        query = queue_sql.opinions(labels, effective_labels("mine"))
        for frame, label, disputed, people, since, seq, doubt in log.fetch(
            query, {"after": self._labelled}
        ):
            self._labelled = max(self._labelled, seq)
            said = frozenset(people or ()), frozenset(since or ())
            yield frame, Opinion(label, bool(disputed), *said, doubt)

    def items(self, log: PublishedCursor, frames: Collection[str]) -> list[ReviewItem]:
        """Those inspections, however old. Raises StoreError."""
        inspections = log.relation("inspections", EVERYTHING, BASE)
        if inspections is None or not frames:
            return []
        rows = log.fetch(queue_sql.by_frame(inspections), {"frames": list(frames)})
        return [ReviewItem(*row) for row in rows]

    def _since(self, now: datetime) -> datetime:
        earliest = now - timedelta(days=self.settings.review.look_back_days)
        return max(earliest, self._newest) if self._newest else earliest

    def _parameters(self, changes: list[int], now: datetime) -> dict[str, object]:
        since = self._since(now).astimezone(timezone.utc).replace(tzinfo=None)
        # The numbers of the chain decide; the time only leaves files out.
        return {"after": self._inspected, "since": since - _OVERLAP, "changes": changes}

    def _changes(self, log: PublishedCursor, now: datetime) -> dict[int, tuple[str, str]]:
        earliest = now - timedelta(days=self.settings.review.look_back_days)
        columns = ("chain_seq", "kind", "detail")
        events = log.relation("events", Span(since=earliest), columns)
        if events is None:
            return {}
        rows = log.fetch(
            f"SELECT chain_seq, kind, detail FROM {events} "  # noqa: S608
            "WHERE list_contains($kinds, kind) AND before IS NOT NULL",
            {"kinds": list(queue_sql.CHANGES)},
        )
        return {seq: (kind, detail) for seq, kind, detail in rows}

    def _caused(
        self, row: tuple[object, ...], changes: dict[int, tuple[str, str]]
    ) -> Iterator[tuple[ReviewItem, ReviewCause]]:
        base, told = row[: len(BASE)], row[len(BASE) :]
        item = ReviewItem(*base)  # type: ignore[arg-type]
        band, refused, odd_map, change, number, drawn = told
        score = item.score if item.score is not None else 0.0
        if band is not None:
            yield item, reasons.near_threshold(score, item.threshold, float(str(band)))
        if refused is not None:
            yield item, reasons.not_judged(str(refused))
        if odd_map is not None:
            yield item, reasons.map_at_odds(item.verdict, float(str(odd_map)), item.threshold)
        if isinstance(change, int) and isinstance(number, int):
            yield item, reasons.after_change(number, *changes[change])
        if drawn:
            yield item, reasons.audit_sample(self.settings.review.audit_share)

    def _count(self, counted: list[tuple[object, ...]]) -> None:
        for camera, change, count, seq, at in counted:
            assert isinstance(seq, int) and isinstance(count, int) and isinstance(at, datetime)  # noqa: S101
            self._inspected = max(self._inspected, seq)
            moment = at.replace(tzinfo=timezone.utc)
            self._newest = max(self._newest, moment) if self._newest else moment
            if isinstance(change, int):
                key = str(camera), change
                self._counts[key] = self._counts.get(key, 0) + count
