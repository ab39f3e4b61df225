"""Figures for Prometheus: what is counted, how it is told, where it is served. Never holds up a frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from qc_edge.line.reporter import Reporter
from qc_edge.line.room import DiskWatch
from qc_edge.metrics.meter import Meter
from qc_edge.service.beats import Beat, Beats

Ages = Mapping[str, Callable[[], float | None]]
"""By the names of `figures.AGES`: how old something is (seconds), None while there is none."""


def serving(
    listen: str, socket: Path, reporter: Reporter, watch: DiskWatch, beats: Beats, meter: Meter, ages: Ages
) -> Callable[[Beat, threading.Event], None]:
    """The work of the thread that serves the figures; `listen` and `socket` as in the settings."""
    # Prometheus' client comes with an HTTP client and TLS: a station that serves no metrics does without.
    from qc_edge.metrics.figures import Figures
    from qc_edge.metrics.server import MetricsServer

    return MetricsServer(listen, socket, Figures(reporter, watch, beats, meter, ages)).run
