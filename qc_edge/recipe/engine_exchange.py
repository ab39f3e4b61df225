"""An engine that takes the place of another: waited for while it loads, exchanged between two
frames.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Protocol

from qc_edge.engine import EngineInfo
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError
from qc_edge.service.heartbeat import Heartbeat

SLICE_S = 0.2
"""Between two signs of life of whoever waits."""

SILENT_S = 60.0
"""An engine that loads beside the one that judges may be silent for so long, if it announces no
more.
"""

STOPPED = "told to stop"
_REST_S = 0.02


@dataclass(slots=True)
class Progress:
    """What becomes of an activation: `news` is under way or was refused, `trouble` needs somebody.

    Written by one thread, read by any.
    """

    news: str = ""
    trouble: str = ""


class BetweenFrames(Protocol):
    """The inspector, as far as a change of model needs it."""

    def between(self, work: Callable[[], None]) -> Future[None]:
        """Do `work` when the frames in hand have their rows, before the next one."""


def exchange_engines(
    inspector: BetweenFrames,
    change: Callable[[], None],
    heartbeat: Heartbeat,
    stop: threading.Event,
) -> None:
    """Have `change` done between two frames and wait for it. Raises what it raised, or EngineError
    at `stop`.
    """
    changed = inspector.between(change)
    while wait([changed], SLICE_S).not_done and not stop.is_set():
        heartbeat.beat()
    if not changed.done():
        raise EngineError(STOPPED)
    changed.result()


def rest(heartbeat: Heartbeat, stop: threading.Event) -> None:
    """Pause between two stored inputs: frames of the line go first."""
    heartbeat.beat()
    stop.wait(_REST_S)


class EngineWait:
    """Waits for an engine that loads beside the one that judges, as long as it reports steps."""

    def __init__(self, reference: str, progress: Progress) -> None:
        self._reference = reference
        self._progress = progress
        self._until = time.monotonic() + SILENT_S

    def heard(self, step: str, limit_s: float) -> None:
        """The engine is at this step; it reports the next one within `limit_s` seconds."""
        self._until = time.monotonic() + max(limit_s, SILENT_S)
        self._progress.news = f"activating {self._reference}: {step}"

    def await_ready(
        self, engine_thread: EngineThread, heartbeat: Heartbeat, stop: threading.Event
    ) -> EngineInfo:
        """What the engine is, once loaded. Raises EngineError if it is silent, or at `stop`."""
        while wait([engine_thread.ready], SLICE_S).not_done:
            heartbeat.beat()
            if stop.is_set():
                raise EngineError(STOPPED)
            if time.monotonic() > self._until:
                raise EngineError(
                    f"the engine of {self._reference} gave no sign of life in time while it was "
                    "loaded",
                    hint="look at the journal; the engine in force goes on",
                )
        return engine_thread.ready.result()
