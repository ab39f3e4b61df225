"""Asks the published log for the points of control charts, one query for each kind of count."""

# ruff: noqa: S608 - relations, and names and times that are written here
from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import Any

from qc_edge.domain.verdict import HoldReason
from qc_edge.query.control.counts import ControlPoint, LotCount, Regime
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.shift.shift_answers import GATE_FIGURES
from qc_edge.query.source import Span

SCORE = "score"
FIGURES = (*GATE_FIGURES, SCORE)
"""The figures of a point, as columns of the log."""

_VIEW = "coalesce(view, camera)"
_REGIME = f"{_VIEW}, recipe, model_sha256, threshold, calibration_id"
_OF_THE_STATION = (
    HoldReason.CHALLENGE_DUE,
    HoldReason.LEARNING,
    HoldReason.CALIBRATION_EXPIRED,
    HoldReason.PAST_DUE,
)
_HELD = (
    "disposition = 'HOLD' AND (verdict = 'INVALID' OR coalesce(hold_reason, '') NOT IN "
    f"({', '.join(repr(str(each)) for each in _OF_THE_STATION)}))"
)
"""All parts are held meanwhile, and the station says why: that tells nothing of parts, and a
challenge at each shift would be an alarm at each shift.
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def control_points(
    source: PublishedCursor, span: Span, length: timedelta
) -> dict[Regime, list[ControlPoint]]:
    """The points of each regime, in order; stretches of `length` that begin at full multiples of
    it since 1970, by the time of recording. Raises StoreError.
    """
    frames = RowsOfTime(source, span).frames_of_production()
    us = length // timedelta(microseconds=1)
    where = f"{_REGIME}, epoch_us(recorded_at) // {us}"
    means = ", ".join(f"avg({name})" for name in GATE_FIGURES)
    others: defaultdict[Any, dict[str, dict[str, int]]] = defaultdict(
        lambda: {"invalid": {}, "classes": {}}
    )
    for *where_at, kind, name, count in source.fetch(
        f"SELECT {where}, verdict, CASE verdict WHEN 'FAIL' THEN coalesce(predicted_class, '') "
        f"ELSE reason END AS name, count(*) FROM {frames} WHERE verdict <> 'PASS' GROUP BY ALL"
    ):
        others[tuple(where_at)]["invalid" if kind == "INVALID" else "classes"][name] = count
    found: defaultdict[Regime, list[ControlPoint]] = defaultdict(list)
    for row in source.fetch(
        f"SELECT {where}, count(*), count_if(verdict <> 'INVALID'), count_if(verdict = 'FAIL'), "
        f"count_if({_HELD}), {means}, avg(score) FILTER (disposition = 'ACCEPT') "
        f"FROM {frames} GROUP BY ALL ORDER BY ALL"
    ):
        key, (taken, judged, failed, held), figures = row[:6], row[6:10], row[10:]
        kinds, measured = others[key], zip(FIGURES, figures, strict=True)
        found[Regime(*key[:5])].append(
            ControlPoint(
                _EPOCH + key[5] * length,
                taken,
                judged,
                failed,
                held,
                kinds["invalid"],
                kinds["classes"],
                {name: value for name, value in measured if value is not None},
            )
        )
    return dict(found)


def lot_counts(source: PublishedCursor, span: Span) -> list[LotCount]:
    """The lots whose frames were recorded in `span`, by their beginning. Raises StoreError."""
    frames = RowsOfTime(source, span).frames_of_production()
    rows = source.fetch(
        f"SELECT {_VIEW}, recipe, lot, min(recorded_at) AS begins, count(*), "
        "count_if(verdict <> 'INVALID'), count_if(verdict = 'FAIL'), "
        "count_if(verdict = 'INVALID'), count_if(disposition = 'HOLD') "
        f"FROM {frames} WHERE lot IS NOT NULL "
        "GROUP BY 1, 2, 3 ORDER BY begins, 1, 2, 3"
    )
    return [
        LotCount(view, recipe, lot, begins.replace(tzinfo=timezone.utc), *counts)
        for view, recipe, lot, begins, *counts in rows
    ]
