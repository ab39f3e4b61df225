"""Which thresholds were in force in the time of a replay, in words: each row counts by its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import pairwise

from qc_edge.domain.history import ThresholdSpan
from qc_edge.plot.page import Table

_NAMED = 4
"""More thresholds than this are counted in a sentence; the table has them all."""


def describe_thresholds(spans: Sequence[ThresholdSpan], zone: tzinfo = timezone.utc) -> str:
    """`0.42 until 10:12, 0.5 since`, in the time of `zone`; empty for one threshold or none, which
    needs no words.

    `spans` are in order of their beginning.
    """
    spans = _in_zone(spans, zone)
    merged = _merged(spans)
    if len(merged) < 2:
        return ""
    last = merged[-1]
    if len(merged) > _NAMED:
        values = [span.threshold for span in merged]
        return (
            f"{len(set(values))} from {min(values):g} to {max(values):g}, "
            f"{last.threshold:g} since {_moment(last.first, spans)}"
        )
    if any(after.first < before.last for before, after in pairwise(merged)):
        # Two cameras with a threshold each, or one that came back under its old id.
        return f"{' and '.join(dict.fromkeys(f'{span.threshold:g}' for span in merged))} by turns"
    until = [
        f"{before.threshold:g} until {_moment(after.first, spans)}"
        for before, after in pairwise(merged)
    ]
    return f"{', '.join(until)}, {last.threshold:g} since"


def thresholds_table(spans: Sequence[ThresholdSpan], zone: tzinfo, *, with_flips: bool) -> Table:
    """Every threshold with its time and its inspections; `with_flips` also what turns of them."""
    headings: tuple[str, ...] = (
        "threshold",
        f"first used ({zone})",
        f"last used ({zone})",
        "inspections",
    )
    if with_flips:
        headings = (*headings, "PASS → FAIL", "FAIL → PASS")
    rows = []
    for span in _in_zone(spans, zone):
        cells = (f"{span.threshold:g}", _whole(span.first), _whole(span.last))
        flips = (f"{span.pass_to_fail:,}", f"{span.fail_to_pass:,}") if with_flips else ()
        rows.append((*cells, f"{span.inspections:,}", *flips))
    return headings, rows


def _in_zone(spans: Sequence[ThresholdSpan], zone: tzinfo) -> list[ThresholdSpan]:
    return [
        replace(span, first=span.first.astimezone(zone), last=span.last.astimezone(zone))
        for span in spans
    ]


def _merged(spans: Sequence[ThresholdSpan]) -> list[ThresholdSpan]:
    """Spans whose value differs from that of the one before."""
    return [
        span
        for number, span in enumerate(spans)
        if number == 0 or span.threshold != spans[number - 1].threshold
    ]


def _moment(at: datetime, spans: Sequence[ThresholdSpan]) -> str:
    """The time, with the day where the spans are not all of one, and to the second in an hour."""
    first, last = spans[0].first, max(span.last for span in spans)
    if first.date() != last.date():
        return f"{at:%Y-%m-%d %H:%M}"
    return f"{at:%H:%M}" if last - first > timedelta(hours=1) else f"{at:%H:%M:%S}"


def _whole(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
