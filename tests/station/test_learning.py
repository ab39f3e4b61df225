"""A station that learns refuses no picture, holds every part, and ends when a person accepts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import Running, drop, make_station, part, running, wait_for

N = 5


def soft(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A part whose ground surface shows too little detail for the starting bounds."""
    return cv2.GaussianBlur(part(30, seed), (0, 0), 4).astype(np.uint8)


def calibrate(paths: StationPaths, *options: str) -> str:
    ran = invoke("calibrate", "line1", "--by", "Ada", "--root", paths.root, *options)
    assert ran.exit_code == 0, ran.exception
    return ran.stdout


def take_over(run: Running, calibration_id: str) -> None:
    run.supervisor.reload()
    run.wait_for_status(
        lambda status: calibration_id in [each.calibration_id for each in status.calibrations],
        "the record in force",
    )


def test_a_new_product_is_learned_held_and_then_judged(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as run:
        drop(paths, "before.png", soft(0))
        run.wait_until_inspected(1)

        calibrate(paths, "--learn", str(N), "--yes")
        learning = calibrations.load_current(paths.calibration, INCOMING)
        take_over(run, learning.calibration_id)
        assert any(
            "is learning, every part is held: 0 of 5" in each for each in run.status.warnings
        )
        for seed in range(1, N + 1):
            drop(paths, f"seen-{seed}.png", soft(seed))
        run.wait_until_inspected(1 + N)
        run.wait_for_status(
            lambda status: any("has learned" in each for each in status.warnings), "learned"
        )
        run.wait_until_idle()

        assert "nothing is written" in calibrate(paths)
        wait_for(lambda: utc_now() - learning.made_at > timedelta(seconds=1), "another second")
        calibrate(paths, "--yes")
        accepted = calibrations.load_current(paths.calibration, INCOMING)
        assert (accepted.learning, accepted.starting, accepted.made_by) == (None, False, "Ada")
        assert accepted.source.startswith(f"the last {N} frames, ")
        take_over(run, accepted.calibration_id)
        drop(paths, "after.png", soft(N + 1))
        run.wait_until_inspected(2 + N)
        run.wait_until_idle()

    log = audit(paths)
    assert log.of("before.png")["reason"] == "low_focus"
    for seed in range(1, N + 1):
        row = log.of(f"seen-{seed}.png")
        assert (row["verdict"], row["disposition"], row["hold_reason"]) == (
            "PASS",
            "HOLD",
            "learning",
        )
    assert (log.of("after.png")["verdict"], log.of("after.png")["disposition"]) == (
        "PASS",
        "ACCEPT",
    )
    assert [event["who"] for event in log.events_of("calibration")][-2:] == ["Ada", "Ada"]
