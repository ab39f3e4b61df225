"""The thread on which an engine is loaded, tested, used and closed.

A CUDA context is current on one thread, so an engine never leaves its own: work comes to it through
a queue and goes away as futures. Decides nothing, never loads a second engine.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import Engine, EngineInfo, Prepared, Score
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineError

T = TypeVar("T")
_Job = tuple[Callable[[Engine], Any], "Future[Any]"]


class EngineThread:
    """An engine on a thread of its own, loaded at once. Methods may be called from any thread.

    `ready` gives the engine's info once it is loaded and has passed the bundle's self-test, or
    raises why it is not fit to judge (ModelError, EngineError). `closed` is set when the engine and
    its device memory are gone, in that case too.
    """

    def __init__(self, bundle: Bundle, load: Callable[[], Engine], name: str = "engine") -> None:
        self.bundle = bundle
        self.ready: Future[EngineInfo] = Future()
        self.closed = threading.Event()
        self._load = load
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._entry = threading.Lock()  # so that no work comes behind the None that ends the queue
        self._is_open = True
        # A daemon: an engine that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def infer(self, prepared: Prepared) -> Future[list[Score]]:
        """One Score for each of the N prepared frames (N x H x W, uint8), in order.

        The future raises EngineError if the model fails; see `run` for the rest.
        """
        return self.run(lambda engine: engine.infer(prepared))

    def run(self, work: Callable[[Engine], T]) -> Future[T]:
        """What `work` returns or raises, done on the engine's thread when its turn comes.

        The future may be cancelled while it waits; work that comes before the engine is ready waits
        for that. It raises EngineError if the engine is closed or did not become ready.
        """
        done: Future[T] = Future()
        with self._entry:
            if self._is_open:
                self._jobs.put((work, done))
                return done
        done.set_exception(_closed())
        return done

    def close(self) -> None:
        """Free the engine after the work that was handed over before. May be called twice."""
        with self._entry:
            if self._is_open:
                self._is_open = False
                self._jobs.put(None)

    def _run(self) -> None:
        engine = None
        try:
            engine = self._load()
            self_test(engine, self.bundle)
            self.ready.set_result(engine.info)
        except BaseException as fault:  # noqa: BLE001 (whoever waits for `ready` raises it)
            self.close()
            self.ready.set_exception(fault)
        # Also without an engine: whoever has handed work over waits for an answer.
        while (job := self._jobs.get()) is not None:
            work, done = job
            if done.set_running_or_notify_cancel():
                _do(work, engine if self.ready.exception() is None else None, done)
        if engine is not None:
            engine.close()
        self.closed.set()


def _do(work: Callable[[Engine], T], engine: Engine | None, done: Future[T]) -> None:
    try:
        if engine is None:
            raise _closed()
        done.set_result(work(engine))
    except BaseException as fault:  # noqa: BLE001 (the caller raises it)
        done.set_exception(fault)


def _closed() -> EngineError:
    return EngineError("the engine is closed, or was never ready", hint="load it again")
