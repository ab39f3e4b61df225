"""What judges, as Prometheus metrics: the station's engine and model, and those of each view."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from qc_edge.challenge.state import ChallengeState
from qc_edge.recipe.rules import Rules


def judging_metrics(station: str, rules: Rules) -> Iterator[Metric]:
    """The rules in force; views have no series where there is no [[view]]."""
    engine = rules.engine
    yield _info(
        station,
        "engine",
        "What runs the model, and why that.",
        backend=engine.backend,
        version=engine.version,
        device=engine.device,
        reason=engine.reason,
    )
    bundle = rules.bundle
    yield _info(station, "model", "What judges.", bundle=bundle.reference, sha256=bundle.sha256)
    threshold = GaugeMetricFamily(
        "qc_edge_threshold", "A score at or above it FAILs.", labels=["station", "threshold_id"]
    )
    threshold.add_metric([station, rules.threshold.threshold_id], rules.threshold.value)
    yield threshold
    yield from _of_views(station, rules)


def challenge_metrics(station: str, state: ChallengeState) -> Iterator[Metric]:
    """Whether a challenge is due, and when the last one passed."""
    due = GaugeMetricFamily(
        "qc_edge_challenge_due", "1 while parts are held for a challenge.", labels=["station"]
    )
    due.add_metric([station], bool(state.trouble))
    missed = GaugeMetricFamily(
        "qc_edge_challenge_missed",
        "Parts of the challenge that runs that were missed.",
        labels=["station"],
    )
    missed.add_metric([station], sum(part.state == "missed" for part in state.parts))
    passed = GaugeMetricFamily(
        "qc_edge_challenge_last_passed_timestamp_seconds",
        "When a challenge of the recipe in force passed last; 0: never.",
        labels=["station"],
    )
    at = datetime.fromisoformat(state.last_passed).timestamp() if state.last_passed else 0.0
    passed.add_metric([station], at)
    yield from (due, missed, passed)


def _of_views(station: str, rules: Rules) -> Iterator[Metric]:
    """Under a recipe its views, whose thresholds go before the station's."""
    by = ["station", "view"]
    models = InfoMetricFamily("qc_edge_view_model", "What judges the view.", labels=by)
    thresholds = GaugeMetricFamily(
        "qc_edge_view_threshold",
        "A score of the view at or above it FAILs.",
        labels=[*by, "threshold_id"],
    )
    for name, view in rules.views.items():
        judges = {"bundle": view.bundle.reference, "sha256": view.bundle.sha256}
        models.add_metric([station, name], {**judges, "recipe": rules.recipe or ""})
        labels = [station, name, view.threshold.threshold_id]
        thresholds.add_metric(labels, view.threshold.value)
    yield from (models, thresholds)


def _info(station: str, name: str, description: str, **labels: str) -> Metric:
    family = InfoMetricFamily(f"qc_edge_{name}", description, labels=["station"])
    family.add_metric([station], labels)
    return family
