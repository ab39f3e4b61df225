"""Control charts by simulation: false alarms in a week, and the time to notice a drift.

`python -m tests.bench.spc > tests/bench/results/spc-DATE.json`
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from statistics import median, quantiles

import numpy as np

from qc_edge.discipline.spc.figure_chart import FigureChart, FigureMean, figure_chart
from qc_edge.discipline.spc.rate_chart import RateChart, RateCount, rate_chart
from qc_edge.discipline.spc.risk import Risk
from qc_edge.settings.discipline.spc import SpcSettings

FRAMES = 900
"""Of a point: 1,800 parts an hour, half an hour."""

RATE = 0.005
RATES, FIGURES = 6, 8
"""Charts of one view: FAIL, two classes, held, two reasons of INVALID; seven gates, the score."""

_SETTINGS = SpcSettings()
_REFERENCE = _SETTINGS.reference_points
_WEEK = int(7 * 24 * 60 / _SETTINGS.point_minutes)
_RISK = Risk(_SETTINGS.false_alarms_per_week, _SETTINGS.point_minutes, RATES + 2 * FIGURES)
_BEGINS = datetime(2026, 1, 1)  # noqa: DTZ001


def main() -> None:
    """Print the figures as JSON."""
    random = np.random.default_rng(20261128)
    weeks = 1500
    rates = sum(_alarms(_rate_chart(random, [RATE] * _WEEK)) for _ in range(weeks)) / weeks
    figures = sum(_alarms(_figure_chart(random, [0.0] * _WEEK)) for _ in range(weeks)) / weeks
    json.dump(
        {
            "what": "qc_edge.discipline.spc with the default settings, a new reference each run",
            "how": "python -m tests.bench.spc",
            "frames_per_point": FRAMES,
            "point_minutes": _SETTINGS.point_minutes,
            "reference_points": _REFERENCE,
            "runs": weeks,
            "false_alarms_borne_per_week": _SETTINGS.false_alarms_per_week,
            "false_alarms_per_week_of_one_view": RATES * rates + FIGURES * figures,
            "of_one_rate": rates,
            "of_one_figure": figures,
            "hours_to_notice": {
                "FAIL 0.5 % -> 1.0 %": _hours(lambda: _rate_chart(random, [2 * RATE] * 400)),
                "FAIL 0.5 % -> 1.5 %": _hours(lambda: _rate_chart(random, [3 * RATE] * 400)),
                "FAIL 0.5 % -> 2.5 %": _hours(lambda: _rate_chart(random, [5 * RATE] * 400)),
                "figure by 1 deviation": _hours(lambda: _figure_chart(random, [1.0] * 600)),
                "figure by 2 deviations": _hours(lambda: _figure_chart(random, [2.0] * 600)),
                "figure by 4 deviations": _hours(lambda: _figure_chart(random, [4.0] * 600)),
                "figure by 0.1 deviations more at each point": _hours(
                    lambda: _figure_chart(random, [0.1 * number for number in range(600)])
                ),
            },
        },
        sys.stdout,
        indent=1,
    )


def _rate_chart(random: np.random.Generator, rates: list[float]) -> RateChart:
    counts = random.binomial(FRAMES, [RATE] * _REFERENCE + rates)
    points = [RateCount(_at(n), int(count), FRAMES) for n, count in enumerate(counts)]
    return rate_chart(points, _REFERENCE, _RISK)


def _figure_chart(random: np.random.Generator, shifts: list[float]) -> FigureChart:
    values = 100 + 2 * (
        random.normal(size=_REFERENCE + len(shifts)) + np.array([0.0] * _REFERENCE + shifts)
    )
    means = [FigureMean(_at(n), float(value), FRAMES) for n, value in enumerate(values)]
    return figure_chart(means, _REFERENCE, _RISK)


def _at(number: int) -> datetime:
    return _BEGINS + number * timedelta(minutes=_SETTINGS.point_minutes)


def _alarms(chart: RateChart | FigureChart) -> int:
    return sum(bool(point.alarm) for point in chart.points)


def _hours(make: object, runs: int = 400) -> dict[str, float]:
    assert callable(make)
    found = []
    for _ in range(runs):
        points = make().points[_REFERENCE:]
        first = next((n for n, each in enumerate(points) if each.alarm), len(points) - 1)
        found.append((first + 1) * _SETTINGS.point_minutes / 60)
    return {"median": median(found), "90 % within": round(quantiles(found, n=10)[8], 1)}


if __name__ == "__main__":
    main()
