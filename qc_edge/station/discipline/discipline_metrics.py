"""What the station says of itself as measuring equipment, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from qc_edge.discipline.spc.drift import Cause, Drift
from qc_edge.service.clock import utc_now
from qc_edge.station.discipline.due_watch import DueWatch


def discipline_metrics(
    station: str, diagnoses: Iterable[Drift], watch: DueWatch
) -> Iterator[Metric]:
    """1 for each alarm that stands; each cause has a series, so that a rule finds it before. And
    the seconds until each date.
    """
    family = GaugeMetricFamily(
        "qc_edge_control_alarm",
        "1 while a control chart's alarm of this cause stands.",
        labels=["station", "cause", "of"],
    )
    standing = {(each.cause, each.of) for each in diagnoses}
    for cause in Cause:
        if not any(each is cause for each, _ in standing):
            family.add_metric([station, cause.value, ""], 0)
    for cause, of in sorted(standing):
        family.add_metric([station, cause.value, of], 1)
    yield family
    due, now = (
        GaugeMetricFamily(
            "qc_edge_due_seconds",
            "Until something that has a date no longer holds; below 0 it is past.",
            labels=["station", "kind", "of"],
        ),
        utc_now(),
    )
    holding = GaugeMetricFamily(
        "qc_edge_past_due_hold",
        "1 while every part is held since something is past its date.",
        labels=["station"],
    )
    holding.add_metric([station], bool(watch.held_for(now)))
    yield holding
    for each in watch.dates:
        due.add_metric([station, each.kind.value, each.name], each.in_days(now) * 86_400)
    yield due
