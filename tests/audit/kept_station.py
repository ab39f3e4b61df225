"""A station with everything that decides: records of each kind, a change of each, a sealed day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from qc_edge.domain.calibration import Calibration, calibration_id, starting_calibration
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from qc_edge.station.status import Status
from tests.audit.rows import judge, publish
from tests.cli.runner import invoke
from tests.station.harness import (
    BAD,
    GOOD,
    NAME,
    NEAR,
    Running,
    configure,
    drop,
    make_station,
    part,
    running,
    spool,
    write_bundle,
)

TORN = b"\x89PNG\r\n\x1a\n12"
ANNA = ("--by", "anna", "--reason", "two escapes")


def make(root: Path) -> StationPaths:
    """One run: as it begins; then a calibration and two thresholds of anna's; then her bundle, and
    another deadline. Its day is sealed.
    """
    paths = make_station(root)
    frame = spool(paths, part(GOOD, seed=90), 1)
    with running(paths) as run:
        run.wait_until_inspected(1)
        _inspect(run, {"a": GOOD, "b": BAD})
        record = _calibrate(paths)
        run.supervisor.reload()
        run.wait_for_status(partial(_is_calibrated, record), "the calibration in force")
        _command(paths, "threshold", NAME, "set", "0.42", "--yes")
        run.wait_for_status(lambda status: status.threshold == 0.42, "the threshold in force")
        _inspect(run, {"c": NEAR, "d": BAD})
        _command(paths, "threshold", NAME, "set", "0.45", "--yes")
        run.wait_for_status(lambda status: status.threshold == 0.45, "the next one in force")
        _inspect(run, {"e": GOOD})
        write_bundle(paths.models / "corner/2")
        _command(paths, "model", "activate", NAME, "corner@2")
        run.wait_for_status(lambda status: status.model == "corner@2", "her bundle in force")
        configure(paths, station={"deadline_ms": 50_000.0})
        run.supervisor.reload()
        run.wait_for(lambda: run.station.settings.station.deadline_ms == 50_000, "the deadline")
        _inspect(run, {"f": BAD, "g": GOOD, "torn": None})
    (paths.state / "frame-clock-of-tests").unlink(missing_ok=True)  # the harness's own
    judge(paths, frame)
    publish(paths, seal=True)
    publish(paths)  # the event of the seal
    return paths


def _inspect(run: Running, parts: dict[str, int | None]) -> None:
    """Drop parts of these levels, or a torn file, and wait until they are inspected."""
    inspector = run.station.inspector
    assert inspector
    before = inspector.announcer.statistics.inspected
    for number, (name, level) in enumerate(parts.items()):
        picture = TORN if level is None else part(level, seed=number)
        drop(run.station.paths, f"{name}.png", picture)
    run.wait_until_inspected(before + len(parts))


def _is_calibrated(record: Calibration, status: Status) -> bool:
    return any(each.calibration_id == record.calibration_id for each in status.calibrations)


def _command(paths: StationPaths, *words: str) -> None:
    result = invoke(*words, *ANNA, "--root", paths.root)
    assert result.exit_code == 0, result.output


def _calibrate(paths: StationPaths) -> Calibration:
    made_at = utc_now().replace(microsecond=0)
    record = replace(
        starting_calibration(NAME, INCOMING, made_at),
        calibration_id=calibration_id(made_at, INCOMING),
        made_by="anna",
        due_at=made_at + timedelta(days=90),
        starting=False,
    )
    calibrations.write(paths.calibration, record)
    return record
