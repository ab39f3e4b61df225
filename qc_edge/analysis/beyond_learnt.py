"""Has the line left what its model was trained on? Gate figures and scores of accepted parts
against those of the good pictures that the bundle's report has, and which parts to label first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qc_edge.bundles.manifest import MANIFEST, MODEL, parse_manifest
from qc_edge.errors import ModelError
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedCursor, PublishedLog
from qc_edge.query.source import Span
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped

REPORT, LEARNT = "report.json", "learnt"
"""A bundle's file, and the key in it: a figure's name -> the range that 98 % of the good pictures
are in.
"""

FIGURES = ("focus", "brightness", "contrast", "score")
"""Columns of the log that a training knows as well."""

_FEWEST = 50
_SHARE = 0.10
"""So many accepted parts beyond a range that 2 % of the learnt ones are beyond: not by chance, with
_FEWEST parts or more (at 2 % the odds are below 1 in 1,000).
"""

_TO_LABEL = 20


@dataclass(frozen=True, slots=True)
class BeyondFigure:
    """One figure: the learnt range, and how many of the accepted parts are outside of it."""

    name: str
    low: float
    high: float
    outside: int
    of: int

    @property
    def is_beyond(self) -> bool:
        """More than chance gives."""
        return self.of >= _FEWEST and self.outside > _SHARE * self.of

    @property
    def width(self) -> float:
        """Of the range."""
        return max(self.high - self.low, 1e-9)

    def distance(self, value: float) -> float:
        """Of a value from the range, in its widths; below 0 inside of it."""
        return max(self.low - value, value - self.high) / self.width

    @property
    def words(self) -> str:
        """In a line."""
        share = self.outside / max(1, self.of)
        return f"{self.name} of {share:.0%} outside {self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True, slots=True)
class FarPart:
    """An accepted part outside what was learnt: `value` of the figure that is furthest from its
    range, `distance` from there in widths of the range.
    """

    frame_id: str
    part_id: str | None
    figure: str
    value: float
    distance: float


@dataclass(frozen=True, slots=True)
class BeyondLearnt:
    """What is known of the model with `sha256`; `figures` is empty where its bundle does not say
    what it was trained on. `far` are the parts to label, furthest outside first.
    """

    bundle: str
    sha256: str
    figures: tuple[BeyondFigure, ...]
    far: tuple[FarPart, ...] = ()

    @property
    def to_label(self) -> tuple[tuple[str, str | None], ...]:
        """Frame and part of each."""
        return tuple((each.frame_id, each.part_id) for each in self.far)

    @property
    def beyond(self) -> tuple[BeyondFigure, ...]:
        """Those that have left it."""
        return tuple(each for each in self.figures if each.is_beyond)

    @property
    def words(self) -> str:
        """For the status and the event; empty if nothing has left what was learnt."""
        if not self.beyond:
            return ""
        listed = ", ".join(each.words for each in self.beyond)
        return (
            f"beyond what {self.bundle} was trained on: {listed}; label some of these parts: "
            f"qc-edge model drift names them"
        )


def beyond_learnt(paths: StationPaths, since: datetime) -> BeyondLearnt | None:
    """Of the model of the newest frame since then; None if there is none. Raises StoreError."""
    with PublishedLog(paths.published, memory_limit="128MB", threads=1) as log:
        return beyond_learnt_within(log.cursor(), paths, Span(since=since))


def beyond_learnt_within(
    cursor: PublishedCursor, paths: StationPaths, span: Span
) -> BeyondLearnt | None:
    """Of the model of the newest frame within that time; None if there is none. Raises
    StoreError.
    """
    frames = RowsOfTime(cursor, span).frames_of_production()
    ((sha256,),) = cursor.fetch(
        f"SELECT arg_max(model_sha256, recorded_at) FROM {frames} "  # noqa: S608
        "WHERE model_sha256 IS NOT NULL"
    )
    if sha256 is None:
        return None
    bundle, learnt = _learnt(paths, sha256)
    if not learnt:
        return BeyondLearnt(bundle or "a bundle that is not here", sha256, ())
    accepted = (
        f"(SELECT * FROM {frames} "  # noqa: S608
        f"WHERE verdict = 'PASS' AND model_sha256 = '{sha256}')"
    )
    outside = {
        name: f"({name} < {low!r} OR {name} > {high!r})" for name, (low, high) in learnt.items()
    }
    counted = ", ".join(f"count_if({each}), count({name})" for name, each in outside.items())
    (counts,) = cursor.fetch(f"SELECT {counted} FROM {accepted}")  # noqa: S608
    figures = tuple(
        BeyondFigure(name, *learnt[name], counts[2 * at], counts[2 * at + 1])
        for at, name in enumerate(learnt)
    )
    beyond = [each for each in figures if each.is_beyond]
    far = _far(cursor, accepted, beyond) if beyond else ()
    return BeyondLearnt(bundle, sha256, figures, far)


def _far(
    cursor: PublishedCursor, accepted: str, beyond: Sequence[BeyondFigure]
) -> tuple[FarPart, ...]:
    """The parts that are furthest outside, by the figures that have left what was learnt."""
    distances = [
        f"greatest({each.low!r} - {each.name}, {each.name} - {each.high!r}) / {each.width!r}"
        for each in beyond
    ]
    rows = cursor.fetch(
        f"SELECT frame_id, part_id, {', '.join(each.name for each in beyond)} "  # noqa: S608
        f"FROM {accepted} ORDER BY greatest({', '.join(distances)}) DESC NULLS LAST, frame_id "
        f"LIMIT {_TO_LABEL}"
    )
    found = []
    for frame, part, *values in rows:
        pairs = zip(beyond, values, strict=True)
        known = [(each.distance(value), each, value) for each, value in pairs if value is not None]
        distance, figure, value = max(known, key=lambda one: one[0], default=(0.0, beyond[0], 0.0))
        if distance > 0:
            found.append(FarPart(frame, part, figure.name, value, distance))
    return tuple(found)


def _learnt(paths: StationPaths, sha256: str) -> tuple[str, Mapping[str, tuple[float, float]]]:
    """The bundle of that model, and the ranges in its report."""
    for place in (paths.models, shipped("models")):
        for file in sorted(place.glob(f"*/*/{MANIFEST}")):
            try:
                manifest = parse_manifest(file.read_text(encoding="utf-8"), str(file))
                if manifest.files[MODEL] != sha256:
                    continue
                name = f"{manifest.name}@{manifest.version}"
                return name, _ranges(file.with_name(REPORT)) if REPORT in manifest.files else {}
            except (OSError, ValueError, LookupError, ModelError):
                continue  # one that does not read judges nothing
    return "", {}


def _ranges(report: Path) -> Mapping[str, tuple[float, float]]:
    """Empty where the report, which any tool may have written, has none in this form."""
    try:
        told = json.loads(report.read_bytes()).get(LEARNT) or {}
        found = {name: told[name] for name in FIGURES if name in told}
        ranges = {name: (float(low), float(high)) for name, (low, high) in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
    return {name: each for name, each in ranges.items() if all(map(math.isfinite, each))}
