"""Has the line left what its model was trained on? Gate figures and scores of accepted parts
against those of the good pictures that the bundle's report has, and which parts to label first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qc_edge.bundles.manifest import MANIFEST, MODEL, parse_manifest
from qc_edge.errors import ModelError
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedLog
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
    def words(self) -> str:
        """In a line."""
        share = self.outside / max(1, self.of)
        return f"{self.name} of {share:.0%} outside {self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True, slots=True)
class BeyondLearnt:
    """What is known of the model with `sha256`; `figures` is empty where its bundle does not say
    what it was trained on. `to_label` are (frame_id, part_id), furthest outside first.
    """

    bundle: str
    sha256: str
    figures: tuple[BeyondFigure, ...]
    to_label: tuple[tuple[str, str | None], ...]

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
        cursor = log.cursor()
        frames = RowsOfTime(cursor, Span(since=since)).frames_of_production()
        ((sha256,),) = cursor.fetch(
            f"SELECT arg_max(model_sha256, recorded_at) FROM {frames} "  # noqa: S608
            "WHERE model_sha256 IS NOT NULL"
        )
        if sha256 is None:
            return None
        bundle, learnt = _learnt(paths, sha256)
        if not learnt:
            return BeyondLearnt(bundle or "a bundle that is not here", sha256, (), ())
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
        far = [
            f"greatest({low!r} - {each.name}, {each.name} - {high!r}) / {max(high - low, 1e-9)!r}"
            for each in figures
            if each.is_beyond
            for low, high in [learnt[each.name]]
        ]
        chosen = (
            cursor.fetch(
                f"SELECT frame_id, part_id FROM {accepted} "  # noqa: S608
                f"ORDER BY greatest({', '.join(far)}) DESC, frame_id LIMIT {_TO_LABEL}"
            )
            if far
            else []
        )
    return BeyondLearnt(bundle, sha256, figures, tuple((each[0], each[1]) for each in chosen))


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
