"""What the rules would do now, counted: the dry run. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.evidence.hold_entry import HoldEntry
from qc_edge.domain.evidence.retention import RetentionClass
from qc_edge.domain.inspection import Inspection
from qc_edge.query.inspection_lookup import open_log
from qc_edge.query.kept.empty import relation_or_none
from qc_edge.query.label_rows import label_relation
from qc_edge.query.source import LogSource
from qc_edge.retention.candidates import Candidate, RetentionRules
from qc_edge.retention.judged import PictureState, Relations
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths

_MEASURED = 500
"""Inspections of a day whose files are measured."""


@dataclass(frozen=True, slots=True)
class PlanLine:
    """How many inspections of a class are in a state (PictureState), and by which rule. The size
    (bytes) is known of those that go, as far as it was measured.
    """

    retention_class: str
    state: str
    inspections: int
    rule: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What goes (`due`) and what stays, most first; `enabled`: the rules are on."""

    enabled: bool
    lines: tuple[PlanLine, ...]

    def to_json(self) -> dict[str, Any]:
        """As scripts have it."""
        return {"enabled": self.enabled, "lines": [asdict(line) for line in self.lines]}


def make_plan(paths: StationPaths, settings: Settings) -> RetentionPlan:
    """Ask the rules of every day that has pictures here. Raises StoreError."""
    counts, sizes = Counter[tuple[PictureState, RetentionClass]](), Counter[RetentionClass]()
    with open_log(paths) as log:
        relations = _relations(log)
        if relations is None:
            return RetentionPlan(settings.retention.enabled, ())

        def ask(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
            return log.fetch(query, dict(parameters))

        rules = RetentionRules(paths, settings, utc_now(), relations)
        for day in rules.all_days():
            of_day = Counter[RetentionClass]()
            for state, retention_class, count in rules.counts(ask, day):
                counts[state, retention_class] += count
                if state is PictureState.DUE:
                    of_day[retention_class] += count
            if of_day:
                sample = rules.due(ask, day, _MEASURED, pressed=False)
                sizes.update(_sizes(paths, sample, of_day))
    policy = settings.retention.policy
    lines = []
    for (state, retention_class), count in counts.most_common():
        rule = policy.rules[retention_class]
        words = rule.words(retention_class) if rule.days is not None else ""
        size = sizes[retention_class] if state is PictureState.DUE else None
        lines.append(PlanLine(str(retention_class), str(state), count, words, size))
    lines.sort(key=lambda line: (line.state != PictureState.DUE, -line.inspections))
    return RetentionPlan(settings.retention.enabled, tuple(lines))


def _relations(log: LogSource) -> Relations | None:
    inspections = log.relation(Inspection.TABLE)
    if inspections is None:
        return None
    return Relations(
        inspections,
        label_relation(log),
        relation_or_none(log, HoldEntry.TABLE),
        relation_or_none(log, Deletion.TABLE),
    )


def _sizes(
    paths: StationPaths, sample: list[Candidate], of_day: Counter[RetentionClass]
) -> Counter[RetentionClass]:
    """Bytes of the day's pictures that go, by class, from a sample of its inspections."""
    measured, seen = Counter[RetentionClass](), Counter[RetentionClass]()
    for candidate in sample:
        seen[candidate.retention_class] += 1
        files = candidate.files(paths.state)
        measured[candidate.retention_class] += sum(path.stat().st_size for path in files)
    return Counter(
        {each: round(measured[each] / seen[each] * of_day[each]) for each in of_day if seen[each]}
    )
