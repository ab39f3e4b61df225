"""The figures of a station's outputs as Prometheus metrics. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from qc_edge.output.handshake.words import StateBit
from qc_edge.output.line_output import OutputStatus

_TOLD = {"accepted": "ACCEPT", "rejected": "REJECT", "held": "HOLD"}


def line_metrics(station: str, outputs: Sequence[OutputStatus]) -> Iterator[Metric]:
    """What each output does; no series where there is none."""
    by = ["station", "output"]
    up = GaugeMetricFamily("qc_edge_output_up", "1 while the output can be reached.", labels=by)
    ready = GaugeMetricFamily("qc_edge_output_ready", "1 while the line may send parts.", labels=by)
    alarm = GaugeMetricFamily(
        "qc_edge_output_alarm", "1 while a part is not confirmed as ejected.", labels=by
    )
    triggers = CounterMetricFamily(
        "qc_edge_output_triggers", "Triggers of the line that were taken.", labels=by
    )
    told = CounterMetricFamily(
        "qc_edge_output_told", "Results that the line could read.", labels=[*by, "disposition"]
    )
    lost = CounterMetricFamily(
        "qc_edge_output_no_verdict", "Triggers without a verdict in time.", labels=by
    )
    for output in outputs:
        labels, words = [station, output.name], output.words
        up.add_metric(labels, not output.trouble)
        for name, disposition in _TOLD.items():
            told.add_metric([*labels, disposition], getattr(words, name))
        if output.protocol == "webhook":
            continue  # no line reads it: it has no bits and no triggers
        ready.add_metric(labels, bool(words.state & StateBit.READY))
        alarm.add_metric(labels, bool(words.state & StateBit.ALARM))
        triggers.add_metric(labels, words.triggers)
        lost.add_metric(labels, words.lost)
    yield from (up, ready, alarm, triggers, told, lost)
