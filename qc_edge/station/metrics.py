"""A station's figures as Prometheus metrics, with their labels and help. Reads only.

Units are seconds and bytes, as Prometheus has them. Every sample carries the station's name.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from qc_edge.intake.lanes import Lane
from qc_edge.service.heartbeat import Heartbeats
from qc_edge.station.discipline.discipline_metrics import discipline_metrics
from qc_edge.station.judging.judging_metrics import challenge_metrics, judging_metrics
from qc_edge.station.line.line_metrics import line_metrics
from qc_edge.station.meter import Meter
from qc_edge.station.reporter import Reporter
from qc_edge.station.status import CameraStatus, Status
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.version import __version__

AGES = {
    "publish_lag": "Since the published log was last brought up to the log.",
    "sync_age": "Since sealed days were last sent upstream.",
    "disk_full_in": "Until the station holds for want of room, at the rate of the last day.",
}
"""Times that have no series where nobody gives them (seconds)."""


Ages = Mapping[str, Callable[[], float | None]]  # of AGES; None while there is none


class MetricsCollector(Collector):
    """Collects the metrics of one station. A scraper's thread calls `collect`."""

    def __init__(
        self,
        reporter: Reporter,
        disk_monitor: DiskMonitor,
        heartbeats: Heartbeats,
        meter: Meter,
        ages: Ages,
    ) -> None:
        self._reporter = reporter
        self._disk_monitor = disk_monitor
        self._heartbeats = heartbeats
        self._meter = meter
        full_in = disk_monitor.seconds_left
        self._ages: Ages = {**ages, "sync_age": reporter.sync_age_s, "disk_full_in": full_in}
        self._station = reporter.settings.station.name

    def collect(self) -> Iterator[Metric]:
        """Every metric, now."""
        status = self._reporter.status()
        yield from self._the_station(status)
        yield from self._parts()
        yield from self._cameras(status)
        yield from self._judging(status)
        yield self._shadow(status)
        yield from line_metrics(self._station, status.outputs)
        if (control := self._reporter.control) and (due := self._reporter.due):
            yield from discipline_metrics(self._station, control.diagnoses, due)
        yield from self._box(status)

    def _the_station(self, status: Status) -> Iterator[Metric]:
        yield self._info(
            "build", "The software.", version=__version__, python=platform.python_version()
        )
        for name, value, description in (
            (
                "ready",
                status.ready,
                "1 if the station judges parts; 0 if something keeps it from that.",
            ),
            (
                "holding",
                self._disk_monitor.space is DiskSpace.NONE,
                "1 while there is no room and nothing is judged.",
            ),
            (
                "settings_refused",
                status.reload is not None and status.reload.outcome == "refused",
                "1 while the settings or records on disk would stop a restart.",
            ),
            ("log_mended", len(status.mended), "What had to be mended in the log at start."),
            ("spool_frames", status.spool_depth, "Files that wait for inspection or are in hand."),
            (
                "spool_oldest_seconds",
                status.spool_oldest_s,
                "How long the oldest of them has waited.",
            ),
        ):
            yield self._gauge(name, description, value)
        lanes = self._labelled("lane_frames", "Files that wait, by lane: live or backlog.", "lane")
        lanes.add_metric([self._station, Lane.LIVE.value], status.live_waiting)
        lanes.add_metric([self._station, Lane.BACKLOG.value], status.backlog_waiting)
        yield lanes
        silence = self._labelled(
            "worker_silence_seconds", "Time since a worker's last sign of life.", "worker"
        )
        deadline = self._labelled(
            "worker_deadline_seconds", "How long a worker may be silent.", "worker"
        )
        for worker in self._heartbeats.all():
            silence.add_metric([self._station, worker.name], worker.age_s)
            deadline.add_metric([self._station, worker.name], worker.deadline_s)
        yield from (silence, deadline)
        for name, give in self._ages.items():
            if (age := give()) is not None:
                yield self._gauge(f"{name}_seconds", AGES[name], age)

    def _parts(self) -> Iterator[Metric]:
        counts = self._meter.counts()
        by = ["station", "camera", "verdict", "disposition", "reason"]
        words = "Parts of which the line was told, since the station started."
        parts = CounterMetricFamily("qc_edge_inspections", words, labels=by)
        for counted, number in counts.parts.items():
            labels = (counted.camera, counted.verdict, counted.disposition, counted.reason)
            parts.add_metric([self._station, *labels], number)
        told = CounterMetricFamily(
            "qc_edge_parts",
            "Parts that several views see, by what the line was told.",
            labels=["station", "disposition", "reason"],
        )
        dispositions = counts.dispositions or {("ACCEPT", "all_views_pass"): 0}
        for why, number in dispositions.items():
            told.add_metric([self._station, *why], number)
        steps = HistogramMetricFamily(
            "qc_edge_step_duration_seconds",
            "Time that a step of a frame's way took.",
            labels=["station", "step"],
        )
        for step, spread in counts.steps.items():
            steps.add_metric([self._station, step], spread.buckets(), spread.seconds)
        latency = HistogramMetricFamily(
            "qc_edge_verdict_latency_seconds",
            "From the exposure to the line being told; frames of this "
            "station's own cameras, those of a backlog left out.",
            labels=["station"],
        )
        latency.add_metric([self._station], counts.latency.buckets(), counts.latency.seconds)
        yield from (parts, told, steps, latency)

    def _cameras(self, status: Status) -> Iterator[Metric]:
        counters: dict[str, tuple[str, Callable[[CameraStatus], float]]] = {
            "triggers": (
                "Exposures asked for or noticed: spooled and lost ones.",
                lambda camera: camera.triggers,
            ),
            "spooled": (
                "Exposures that became a file in the spool.",
                lambda camera: camera.spooled,
            ),
            "lost": ("Exposures known to be lost.", lambda camera: camera.lost),
            "reopened": ("Times that the camera came back.", lambda camera: camera.reopened),
        }
        for name, (description, read) in counters.items():
            family = CounterMetricFamily(
                f"qc_edge_camera_{name}", description, labels=["station", "camera"]
            )
            for camera in status.cameras:
                family.add_metric([self._station, camera.name], read(camera))
            yield family
        connected = self._labelled("camera_connected", "1 while the camera is open.", "camera")
        last = self._labelled(
            "camera_last_frame_timestamp_seconds", "When it last delivered.", "camera"
        )
        for camera in status.cameras:
            connected.add_metric([self._station, camera.name], camera.connected)
            if camera.last_frame_at:
                at = datetime.fromisoformat(camera.last_frame_at).timestamp()
                last.add_metric([self._station, camera.name], at)
        silent = self._labelled(
            "camera_silent", "1 while a camera that should deliver does not.", "camera"
        )
        for capture in self._reporter.captures:
            silent.add_metric([self._station, capture.state.name], capture.silent)
        yield from (connected, silent, last)

    def _judging(self, status: Status) -> Iterator[Metric]:
        if self._reporter.rulebook:
            yield from judging_metrics(self._station, self._reporter.rulebook.rules)
        if status.challenge:
            yield from challenge_metrics(self._station, status.challenge)
        due = self._labelled(
            "calibration_due_seconds",
            "Until the calibration expires; below 0 parts are held.",
            "camera",
        )
        for calibration in status.calibrations:
            due.add_metric([self._station, calibration.camera], calibration.due_in_days * 86_400)
        yield due

    def _shadow(self, status: Status) -> Metric:
        family = CounterMetricFamily(
            "qc_edge_shadow_frames",
            "What became of judged frames at the shadow.",
            labels=["station", "bundle", "outcome"],
        )
        if shadow := status.shadow:
            for outcome in ("scored", "failed", "dropped"):
                family.add_metric([self._station, shadow.bundle, outcome], getattr(shadow, outcome))
        return family

    def _box(self, status: Status) -> Iterator[Metric]:
        limits = self._disk_monitor.limits
        yield self._gauge(
            "disk_free_bytes",
            "Room where frames and evidence are.",
            self._disk_monitor.free_mb * 1e6,
        )
        yield self._gauge(
            "disk_warn_bytes", "Below it the station warns.", limits.warn_free_mb * 1e6
        )
        yield self._gauge(
            "disk_stop_bytes", "Below it the station holds.", limits.stop_free_mb * 1e6
        )
        if cleaner := self._reporter.cleaner:
            deleted = CounterMetricFamily(
                "qc_edge_retention_deleted_bytes",
                "Bytes of pictures that rules have deleted, since the station started.",
                labels=["station"],
            )
            deleted.add_metric([self._station], cleaner.total.size_bytes)
            yield deleted
        trusted = status.clock == "synchronised"
        yield self._gauge("clock_trusted", "1 while the wall clock can be trusted.", trusted)

    def _gauge(self, name: str, description: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"qc_edge_{name}", description, labels=["station"])
        family.add_metric([self._station], value)
        return family

    def _labelled(self, name: str, description: str, label: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"qc_edge_{name}", description, labels=["station", label])

    def _info(self, name: str, description: str, **labels: str) -> Metric:
        family = InfoMetricFamily(f"qc_edge_{name}", description, labels=["station"])
        family.add_metric([self._station], labels)
        return family
