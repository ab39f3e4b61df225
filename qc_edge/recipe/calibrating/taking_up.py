"""Calibrations that people ask for at the page, on their way into force.

A thread of its own at a low priority: frames are read and measured again here, one at a time, so
that nothing is in force but what the station itself has measured of its own frames.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from qc_edge.domain.calibration import Calibration, calibration_id, learning_calibration
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import CalibrationError, QcEdgeError, RecordError, StoreError
from qc_edge.recipe.calibrating.good_frames import chosen_frames
from qc_edge.recipe.calibrating.overruled import check_not_overruled
from qc_edge.recipe.calibrating.proposal import (
    CalibrationTerms,
    current_calibration,
    propose_calibration,
)
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.records import calibration_requests as requests
from qc_edge.records import calibrations
from qc_edge.records.calibration_requests import CalibrationRequest, figures_digest
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import log_line
from qc_edge.service.priority import lower_priority
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk, write_file
from qc_edge.store.set_aside import move_aside

_LOOK_S = 1.0
_NICE = 10


class CalibrationTaker:
    """Takes up the requests of one station. `run` is the work of the thread `calibration`."""

    def __init__(self, paths: StationPaths, rulebook: RuleBook, events: EventLog) -> None:
        self._paths = paths
        self._rulebook = rulebook
        self._events = events
        self._disk = Disk()
        self._beat: Callable[[], object] = lambda: None
        self._trouble = ""
        self._stuck: set[str] = set()
        """Refused, and not to be moved: said once."""

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Look every second until `stop`."""
        lower_priority(_NICE)

        def beat() -> None:
            heartbeat.beat()
            if stop.is_set():
                raise _StoppedError

        self._beat = beat
        while not stop.wait(_LOOK_S):
            heartbeat.beat()
            try:
                self.take_up()
            except _StoppedError:
                return

    def take_up(self) -> None:
        """Everything that waits, oldest first; what the disk refuses waits on."""
        for name in sorted(set(requests.names(self._paths.requests)) - self._stuck):
            try:
                self._take(name)
                self._trouble = ""
            except StoreError as fault:
                if self._trouble != fault.message:  # once, however often it is tried
                    self._trouble = fault.message
                    log_line(logging.ERROR, f"{fault.message}; a calibration waits", event="disk")
                return
            except _StoppedError:
                raise
            except Exception as fault:  # noqa: BLE001 (else each start meets it again)
                self._refuse(name, fault)

    def _take(self, name: str) -> None:
        request = requests.load(self._paths.requests, name)
        made_at = request.asked_at.replace(microsecond=0)
        record_id = calibration_id(made_at, request.camera)
        if calibrations.newest(self._paths.calibration, request.camera) == record_id:
            # It was written, and is or will be in force, however long ago it was asked for: the run
            # before ended before the request was gone, or the log did not take the event.
            written = calibrations.load_current(self._paths.calibration, request.camera)
            if (written.made_by, written.why) != (request.who, request.why):
                raise RecordError("somebody else has calibrated in the same second")
        else:
            requests.check_date(request, utc_now())
            if not self._rulebook.settings.page.calibrates:
                raise RecordError("the settings do not let the page calibrate ([page] calibrates)")
            self._check_recipe(request)
            calibrations.write(self._paths.calibration, self._measured(request, made_at))
        self._put_in_force(record_id)
        self._disk.unlink(self._paths.requests / f"{name}.json")

    def _put_in_force(self, record_id: str) -> None:
        """Raises StoreError, whatever the fault: the record stands, and comes into force with the
        next reload that succeeds. Who is told that it is refused must not find it judging then.
        """
        try:
            self._rulebook.reload()
        except StoreError:
            raise
        except Exception as fault:
            said = fault.message if isinstance(fault, QcEdgeError) else f"{fault!r:.300}"
            raise StoreError(f"{record_id} is written and not in force: {said}") from fault

    def _measured(self, request: CalibrationRequest, made_at: datetime) -> Calibration:
        """The record that is asked for. Raises RecordError or CalibrationError if these frames give
        another one, or none.
        """
        terms = CalibrationTerms(
            request.who,
            request.why,
            request.valid_days,
            has_region=True,
            region=request.roi,
            made_at=made_at,
        )
        if request.learning is not None:
            current, _ = current_calibration(self._paths, request.camera, made_at)
            return learning_calibration(
                terms.in_region(current), made_at, request.who, request.learning, request.why
            )
        frames = chosen_frames(self._paths, request.camera, request.frames, self._beat)
        proposal = propose_calibration(
            self._paths, request.camera, frames, terms, self._beat
        ).proposal
        if (record := proposal.calibration) is None:
            raise CalibrationError("; ".join(proposal.faults))
        if figures_digest(record) != request.expects:
            raise RecordError(
                "the frames give other bounds than were shown", hint="look at them again"
            )
        return record

    def _check_recipe(self, request: CalibrationRequest) -> None:
        """Raise RecordError if another record than the newest is in force, which a recipe names, or
        if this one would not judge as it was shown.
        """
        in_force = self._rulebook.rules.calibrations.get(request.camera)
        newest = calibrations.newest(self._paths.calibration, request.camera)
        if in_force is not None and in_force.calibration_id != newest:
            raise RecordError(
                f"camera {request.camera} goes by {in_force.calibration_id}, which the recipe in "
                "force names",
                hint="qc-edge recipe edit",
            )
        rules = self._rulebook.rules
        recipe = rules.recipe_in_force.content if rules.recipe_in_force else None
        check_not_overruled(rules.settings, recipe, request.camera, request.roi)

    def _refuse(self, name: str, fault: Exception) -> None:
        """Say why in the log and beside the request, which is moved out of the way."""
        words = fault.message if isinstance(fault, QcEdgeError) else f"{fault!r:.300}"
        log_line(logging.WARNING, f"a calibration is refused: {fault}", event="calibration")
        self._events.report(
            Occurrence(EventKind.CALIBRATION_REFUSED, f"asked for at the page: {words}")
        )
        waiting = self._paths.requests / f"{name}.json"
        target = requests.refused(self._paths.set_aside, name)
        try:
            write_file(target.with_suffix(".txt"), str(fault).encode(errors="backslashreplace"))
            move_aside(waiting, target)
        except StoreError as stuck:
            self._stuck.add(name)
            log_line(logging.ERROR, stuck.message, event="disk")


class _StoppedError(Exception):
    """The station stops: the request waits for the next start."""
