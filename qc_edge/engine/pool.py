"""The engines of a station, one for each bundle, shared by all that are judged by it.

Opens an engine for the first who asks and closes it behind the last; never decides which one
judges.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import Engine
from qc_edge.engine.engine_thread import EngineThread


class EnginePool:
    """Engine threads by the digest of their bundle, each with how often it is held. Methods may be
    called from any thread.

    Two engines of one model would take its device memory twice and score nothing faster.
    """

    def __init__(self) -> None:
        self._held: dict[EngineThread, int] = {}
        self._lock = threading.Lock()

    def hold(self, bundle: Bundle, load: Callable[[], Engine]) -> EngineThread:
        """The engine of this bundle, loaded by `load` if nobody holds one; wait for its `ready`.

        Whoever holds it gives it back by `release`, once for each `hold`.
        """
        with self._lock:
            for engine_thread in self._held:
                if engine_thread.bundle.digest == bundle.digest and not _has_failed(engine_thread):
                    self._held[engine_thread] += 1
                    return engine_thread
            engine_thread = EngineThread(bundle, load)
            self._held[engine_thread] = 1
            return engine_thread

    def release(self, engine_thread: EngineThread) -> None:
        """Close the engine if nobody else holds it, after the work that was handed over before."""
        with self._lock:
            self._held[engine_thread] -= 1
            if self._held[engine_thread]:
                return
            del self._held[engine_thread]
        engine_thread.close()

    def close(self, wait_s: float = 0.0) -> None:
        """Close all, whoever holds them, and give each up to `wait_s` to free its device."""
        with self._lock:
            engine_threads = list(self._held)
            self._held.clear()
        for engine_thread in engine_threads:
            engine_thread.close()
        for engine_thread in engine_threads:
            engine_thread.closed.wait(wait_s)


def _has_failed(engine_thread: EngineThread) -> bool:
    return engine_thread.ready.done() and engine_thread.ready.exception() is not None
