"""A station with everything that decides: records of each kind, a change of each, a sealed day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from qc_edge.domain.calibration import calibration_id, starting_calibration
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from tests.audit.rows import judge, publish
from tests.cli.runner import invoke
from tests.station.harness import (
    BAD,
    GOOD,
    NAME,
    NEAR,
    configure,
    drop,
    make_station,
    part,
    running,
    spool,
    write_bundle,
)

ANNA = ("--by", "anna", "--reason", "two escapes")


def make(root: Path) -> StationPaths:
    """Three runs: as it begins; with a calibration and a threshold of anna's; with her bundle,
    another deadline. Its day is sealed.
    """
    paths = make_station(root)
    frame = spool(paths, part(GOOD, seed=90), 1)
    _run(paths, {"a": GOOD, "b": BAD})
    _calibrate(paths)
    _command(paths, "threshold", NAME, "set", "0.42", "--yes")
    _run(paths, {"c": NEAR, "d": BAD})
    _command(paths, "threshold", NAME, "set", "0.45", "--yes")
    _run(paths, {"e": GOOD})
    write_bundle(paths.models / "corner/2")
    _command(paths, "model", "activate", NAME, "corner@2")
    configure(paths, station={"deadline_ms": 50_000.0})
    _run(paths, {"f": BAD, "g": GOOD}, torn=True)
    (paths.state / "frame-clock-of-tests").unlink(missing_ok=True)  # the harness's own
    judge(paths, frame)
    publish(paths, seal=True)
    publish(paths)  # the event of the seal
    return paths


def _run(paths: StationPaths, parts: dict[str, int], *, torn: bool = False) -> None:
    for number, (name, level) in enumerate(parts.items()):
        drop(paths, f"{name}.png", part(level, seed=number))
    if torn:
        drop(paths, "torn.png", b"\x89PNG\r\n\x1a\n12")
    with running(paths) as run:
        run.wait_until_idle()


def _command(paths: StationPaths, *words: str) -> None:
    result = invoke(*words, *ANNA, "--root", paths.root)
    assert result.exit_code == 0, result.output


def _calibrate(paths: StationPaths) -> None:
    made_at = utc_now().replace(microsecond=0)
    record = replace(
        starting_calibration(NAME, INCOMING, made_at),
        calibration_id=calibration_id(made_at, INCOMING),
        made_by="anna",
        due_at=made_at + timedelta(days=90),
        starting=False,
    )
    calibrations.write(paths.calibration, record)
