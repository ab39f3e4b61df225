"""What the labels tell: how many defects get through, and whether the people agree who say so."""

# ruff: noqa: S608 - relations, quoted texts
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from qc_edge.analysis.statistics import Share
from qc_edge.query.label_rows import effective_labels, label_relation
from qc_edge.query.published_log import PublishedCursor, PublishedLog
from qc_edge.query.source import Span
from qc_edge.review.agreement import Agreement, agreements
from qc_edge.review.draw import draw_key, drawn_sql
from qc_edge.settings import Settings, StationPaths

_COLUMNS = ("frame_id", "verdict", "hold_reason", "recorded_at")


@dataclass(frozen=True, slots=True)
class EscapeEstimate:
    """How many of the parts that PASSed are defective, from the random sample of them alone.

    `drawn` of `passed` are in the sample; `escapes.of` of those have been judged good or defect.
    Parts that were labelled for another reason do not count: they were not drawn at random.
    """

    since: datetime
    passed: int
    drawn: int
    escapes: Share

    @property
    def interval(self) -> tuple[float, float] | None:
        """The exact 95 % interval of the share; None if nothing of the sample was judged."""
        return self.escapes.exact_interval

    def to_json_values(self) -> Mapping[str, Any]:
        """As `qc-edge review NAME stats --json` has it."""
        low, high = self.interval or (None, None)
        return {
            "since": self.since.isoformat(),
            "passed": self.passed,
            "drawn": self.drawn,
            "judged": self.escapes.of,
            "defects": self.escapes.count,
            "share": self.escapes.value,
            "low": low,
            "high": high,
        }


@dataclass(frozen=True, slots=True)
class ReviewStatistics:
    """What `qc-edge review NAME stats` tells."""

    escapes: EscapeEstimate
    pairs: list[Agreement]
    people: list[Agreement]
    labels: dict[str, int]

    def to_json_values(self) -> Mapping[str, Any]:
        """As JSON has it."""
        return {
            "escapes": self.escapes.to_json_values(),
            "pairs": [asdict(each) for each in self.pairs],
            "people": [asdict(each) for each in self.people],
            "labels": self.labels,
        }


def review_statistics(paths: StationPaths, settings: Settings, now: datetime) -> ReviewStatistics:
    """Over the days that the queue looks back. Raises StoreError."""
    since = now - timedelta(days=settings.review.look_back_days)
    with PublishedLog(paths.published) as published:
        log = published.cursor()
        labels = label_relation(log)
        pairs, people = agreements(_pairs(log, labels))
        return ReviewStatistics(
            _escapes(log, labels, settings, since), pairs, people, _by_person(log, labels)
        )


def _escapes(
    log: PublishedCursor, labels: str, settings: Settings, since: datetime
) -> EscapeEstimate:
    inspections = log.relation("inspections", Span(since=since), _COLUMNS)
    if inspections is None:
        return EscapeEstimate(since, 0, 0, Share(0, 0))
    drawn = drawn_sql(draw_key(settings, "audit"), settings.review.audit_share)
    ((passed, sample, judged, defects),) = log.fetch(
        "SELECT count(*), count_if(drawn), count_if(drawn AND label IN ('good', 'defect')), "
        "count_if(drawn AND label = 'defect') FROM (SELECT frame_id, "
        f"{drawn} AS drawn FROM {inspections} WHERE verdict = 'PASS' "
        "AND hold_reason IS DISTINCT FROM 'challenge' AND recorded_at >= $since) "
        f"LEFT JOIN {effective_labels(labels)} USING (frame_id)",
        {"since": since.astimezone(timezone.utc).replace(tzinfo=None)},
    )
    return EscapeEstimate(since, passed, sample, Share(defects, judged))


def _pairs(log: PublishedCursor, labels: str) -> list[tuple[str, str, str, str, int]]:
    return log.fetch(
        "WITH words AS (SELECT frame_id, who, arg_max(label, chain_seq) AS said "
        f"FROM {labels} WHERE label <> 'disputed' GROUP BY frame_id, who) "
        "SELECT a.who, b.who, a.said, b.said, count(*) FROM words AS a JOIN words AS b "
        "ON a.frame_id = b.frame_id AND a.who < b.who GROUP BY ALL ORDER BY ALL"
    )


def _by_person(log: PublishedCursor, labels: str) -> dict[str, int]:
    rows = log.fetch(
        f"SELECT who, count(*) FROM {labels} WHERE label <> 'disputed' GROUP BY who ORDER BY who"
    )
    return dict(rows)
