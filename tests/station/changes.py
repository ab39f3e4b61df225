"""Every kind of change that a person makes of what verdicts depend on, to be tried on a station."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from qc_edge.domain.calibration import calibration_id, starting_calibration
from qc_edge.domain.label import PersonRole
from qc_edge.recipe import threshold_change
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.model_change import CurrentModel, activate
from qc_edge.recipe.proposing import decide, propose
from qc_edge.recipe.threshold_change import ThresholdChange
from qc_edge.records import calibration_requests as requests
from qc_edge.records import calibrations
from qc_edge.records.calibration_requests import CalibrationRequest
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from tests.station.audit import Log
from tests.station.harness import NAME, configure, write_bundle

BY, REASON = "A. Keller", "too many escapes"


@dataclass(frozen=True)
class Change:
    """A change and the event that tells it. `make` does what the person does.

    `aspect` is the key of the event `in_force` that differs afterwards. `by_reload`: the station
    takes it up only when it is told to reload. `is_trouble`: the status says so while it waits.
    """

    name: str
    kind: str
    aspect: str
    make: Callable[[StationPaths], None]
    by_reload: bool = False
    is_trouble: bool = True
    who: str = BY


def _set_threshold(paths: StationPaths) -> None:
    before = threshold_change.current_threshold(paths)
    threshold_change.write_change(paths, before, ThresholdChange(0.3, BY, REASON, None))


def _activate(paths: StationPaths) -> None:
    write_bundle(paths.models / "corner/2")
    activate(paths, CurrentModel.of(paths), "corner@2", Attribution(BY, REASON))


def _calibrate(paths: StationPaths) -> None:
    made_at = utc_now().replace(microsecond=0)
    record = starting_calibration(NAME, INCOMING, made_at)
    calibrations.write(
        paths.calibration,
        replace(
            record,
            calibration_id=calibration_id(made_at, INCOMING),
            made_by=BY,
            due_at=made_at + timedelta(days=90),
            starting=False,
        ),
    )


def _approve(paths: StationPaths) -> None:
    before = threshold_change.current_threshold(paths)
    proposal = propose(paths, before, 0.3, Attribution("B. Roth", REASON), "nothing turns")
    decide(paths, proposal, Attribution(BY, REASON), PersonRole.QUALITY, approved=True)


def _ask_at_the_page(paths: StationPaths) -> None:
    request = CalibrationRequest(INCOMING, BY, REASON, utc_now(), None, learning=50)
    assert requests.leave(paths.requests, request)


THRESHOLD = Change("threshold record", "threshold", "threshold", _set_threshold)
ACTIVATION = Change("activation", "model", "model", _activate)
CALIBRATION = Change("calibration", "calibration", "calibrations", _calibrate, by_reload=True)
CHANGES = [
    THRESHOLD,
    ACTIVATION,
    CALIBRATION,
    Change(
        "threshold in the settings",
        "threshold",
        "threshold",
        lambda paths: configure(paths, model={"threshold": 0.3}),
        by_reload=True,
        who="settings",
    ),
    Change(
        "settings",
        "settings",
        "settings",
        lambda paths: configure(paths, station={"deadline_ms": 50_000.0}),
        by_reload=True,
        who="station",
    ),
    Change("threshold that two agreed on", "threshold", "threshold", _approve),
    Change(
        "calibration asked for at the page",
        "calibration",
        "calibrations",
        _ask_at_the_page,
        is_trouble=False,
    ),
]


def told(log: Log, change: Change) -> list[tuple[str | None, str, str]]:
    """Before, after and who of each event of the kind that tells `change`."""
    return [(event["before"], event["after"], event["who"]) for event in log.events_of(change.kind)]


def in_force(log: Log, change: Change) -> list[object]:
    """What was in force, one after the other, of what `change` changes."""
    states: list[object] = []
    for event in log.events_of("in_force"):
        state = json.loads(event["after"])[change.aspect]
        if not states or states[-1] != state:
            states.append(state)
    return states
