"""Pictures that may go, out of the log, day by day and the oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.domain.evidence.retention import KeepRule, RetentionClass
from qc_edge.domain.frame import FrameId
from qc_edge.query.evidence import candidates as files_of
from qc_edge.records.receipts import read_receipt
from qc_edge.retention.judged import (
    PictureState,
    Relations,
    RetentionQuestion,
    judged_pictures,
    needed_inputs,
)
from qc_edge.review.draw import draw_key, drawn_sql
from qc_edge.settings import Settings, StationPaths

Ask = Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]
"""A query with its parameters by name, put to the log; its rows. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An inspection with pictures that may go. Paths are relative to the station's state, digests
    hex; `pictures` are those that go, of which a path may be None where there never was a file.
    """

    frame_id: FrameId
    part_id: str
    paths: Mapping[EvidenceClass, str | None]
    digests: Mapping[EvidenceClass, str | None]
    pictures: tuple[EvidenceClass, ...]
    retention_class: RetentionClass
    age: float

    def files(self, state: Path) -> list[Path]:
        """The files of the pictures that go, as they came and compressed, those that are there.

        Only files that are named by the frame: no other inspection has a file of that name.
        """
        named = (self.paths[each] for each in self.pictures)
        return [
            path
            for relative in named
            if relative is not None and self.is_own(relative)
            for path in files_of(state, relative)
        ]

    def is_own(self, relative: str) -> bool:
        """Whether that is the name of this frame's evidence, below the directory for it."""
        parts = relative.split("/")
        return (
            parts[0] == "evidence"
            and ".." not in parts
            and f"_{self.frame_id}." in parts[-1]
            and len(parts) > 1
        )


@dataclass(slots=True)
class RetentionRules:
    """The rules of the settings, asked of one log. `ask` puts a query to it."""

    paths: StationPaths
    settings: Settings
    now: datetime
    relations: Relations
    _needed: dict[str, list[Any]] = field(default_factory=dict)

    def days(self) -> list[date]:
        """The days of evidence on the disk of which something may be old enough, oldest first."""
        last = (self.now - timedelta(days=self._least())).date()
        return [day for day in self.all_days() if day <= last]

    def all_days(self) -> list[date]:
        """All days of evidence on the disk, oldest first."""
        names = (path.name for path in self.paths.evidence.glob("????-??-??"))
        return sorted(day for name in names if (day := _day(name)))

    def due(self, ask: Ask, day: date, limit: int, *, pressed: bool) -> list[Candidate]:
        """At most `limit` inspections of the day whose pictures go now; `pressed`: also before
        their days are over. Raises StoreError.
        """
        states = [PictureState.DUE, *([PictureState.YOUNG] if pressed else [])]
        listed = ", ".join(f"'{state}'" for state in states)
        least = self.settings.retention.least_days
        query = (
            f"SELECT * FROM ({self._judged()}) WHERE state IN ({listed}) "  # noqa: S608
            f"AND age >= {least!r} AND pictures <> '' ORDER BY frame_id LIMIT {limit}"
        )
        return [_candidate(row) for row in ask(query, self._parameters(ask, day))]

    def counts(self, ask: Ask, day: date) -> Iterator[tuple[PictureState, RetentionClass, int]]:
        """How many inspections of the day are in which state, by class. Raises StoreError."""
        query = (
            f"SELECT state, retention_class, count(*) FROM ({self._judged()}) "  # noqa: S608
            "GROUP BY ALL ORDER BY ALL"
        )
        for state, retention_class, count in ask(query, self._parameters(ask, day)):
            yield PictureState(state), RetentionClass(retention_class), int(count)

    def rule_words(self, candidate: Candidate) -> str:
        """The rule by which the pictures go, as its row has it."""
        rule: KeepRule = self.settings.retention.policy.rules[candidate.retention_class]
        words = rule.words(candidate.retention_class)
        early = rule.days is not None and candidate.age < rule.days
        return f"{words}; early, for want of room" if early else words

    def _least(self) -> float:
        soonest = self.settings.retention.policy.soonest_days
        least = self.settings.retention.least_days
        if soonest is None:
            return float(10**5)
        return least if self.settings.retention.target_free_mb else max(least, soonest)

    def _judged(self) -> str:
        review = self.settings.review
        drawn = drawn_sql(draw_key(self.settings, "audit"), review.audit_share)
        question = RetentionQuestion(
            self.settings.retention.policy,
            self.now,
            drawn.replace("frame_id", "of_day.frame_id"),
            self._synced(),
        )
        return judged_pictures(self.relations, question)

    def _synced(self) -> frozenset[date] | None:
        """The days that are upstream, where they are to go; None if nothing is to be sent."""
        upstream = self.settings.upstream
        if not upstream.url:
            return None
        classes = set(map(str, upstream.evidence))
        days = set()
        for path in self.paths.upstream.glob("date=*.json"):
            day = _day(path.stem.removeprefix("date="))
            receipt = read_receipt(self.paths.upstream, day) if day else None
            if (
                day is not None
                and receipt is not None
                and receipt.url == upstream.url
                and classes <= {*receipt.classes, *receipt.pictures}
            ):
                days.add(day)
        return frozenset(days)

    def _parameters(self, ask: Ask, day: date) -> dict[str, Any]:
        if not self._needed:
            rows = ask(needed_inputs(self.relations.inspections), {})
            names, versions, numbers = zip(*rows, strict=True) if rows else ((), (), ())
            self._needed = {
                "models": list(names),
                "versions": list(versions),
                "needed_from": list(numbers),
            }
        low, high = f"{day:%Y%m%d}", f"{day + timedelta(days=1):%Y%m%d}"
        return {"low": low, "high": high, **self._needed}


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None  # a stranger's


def _candidate(row: tuple[Any, ...]) -> Candidate:
    frame, part, raw, prepared, defect_map, *digests = row[:8]
    pictures, retention_class, _, age, _ = row[8:]
    paths = (raw, prepared, defect_map)
    return Candidate(
        FrameId(frame),
        part,
        dict(zip(EvidenceClass, paths, strict=True)),
        dict(zip(EvidenceClass, digests, strict=True)),
        tuple(map(EvidenceClass, pictures.split())),
        RetentionClass(retention_class),
        float(age),
    )
