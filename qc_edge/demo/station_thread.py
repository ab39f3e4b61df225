"""The demo's station on a thread of its own: the main thread draws the screen and takes Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from qc_edge.capture.capture import Capture
from qc_edge.settings import StationPaths
from qc_edge.station.daemon import Station
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.status import Status
from qc_edge.station.supervisor import Supervisor


class StationThread:
    """One run of a station, from `start` to `stop`. Used by the main thread alone.

    The supervisor does not handle signals here: those are the main thread's.
    """

    def __init__(
        self, paths: StationPaths, dependencies: Dependencies, on_status: Callable[[Status], None]
    ) -> None:
        self._station = Station(paths.root, paths.name, dependencies)
        self._supervisor = Supervisor(on_status=on_status)
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="station")

    @property
    def captures(self) -> Sequence[Capture]:
        """One for each camera; empty until the station has come so far in its start."""
        return self._station.captures

    @property
    def is_alive(self) -> bool:
        """False before `start`, and once the station has ended, for whatever reason."""
        return self._thread.is_alive()

    @property
    def cameras_rest(self) -> bool:
        """True once every frame that was triggered is in the spool, or counted as lost."""
        return all(capture.resting.is_set() for capture in self.captures)

    def start(self) -> None:
        """Start the station. Its thread is no daemon: the process does not end before it."""
        self._thread.start()

    def rest_cameras(self) -> None:
        """Fire no more triggers, so that the count can be closed."""
        for capture in self.captures:
            capture.rest()

    def stop(self) -> None:
        """Ask the station to end; it finishes the frame in hand. Returns at once."""
        self._supervisor.stop()

    def raise_error(self) -> None:
        """Raise what ended the station, if it did not end because it was asked to."""
        if self._errors:
            raise self._errors[0]

    def _run(self) -> None:
        try:
            self._station.run(self._supervisor)
        # Whatever ends the station must not vanish with its thread.
        except BaseException as error:  # noqa: BLE001 (the main thread raises it)
            self._errors.append(error)
