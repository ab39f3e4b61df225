"""kill -9 at every step between two hops: after a restart there is one row a frame, nothing
unexplained.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.station.audit import Log, audit
from tests.station.crash_points import CAPTURE, INSPECTION, REFUSAL, SIDECAR
from tests.station.harness import (
    BAD,
    NEAR,
    Gray,
    child_said,
    drop,
    inspect_all,
    lines,
    make_station,
    part,
    run_child,
)
from tests.station.twins import Fault, Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
SCRIPT = "4f x 3f 2g 3f"
EXPOSED = 13
DROPPED: dict[str, Gray | bytes] = {
    "good.png": part(),
    "bad.png": part(BAD, 1),
    "near.pgm": part(NEAR, 2),
    "torn.png": b"\x89PNG\r\n\x1a\nno",
}

POINTS = [
    *[(step, nth) for step in INSPECTION for nth in (1, 4)],
    *[(step, nth) for step in CAPTURE for nth in (2, 7)],
    *[(step, 1) for step in (*REFUSAL, *SIDECAR)],
    ("unlink after in frames", 9),
    ("append after", 5),
]


def name_of(point: tuple[str, int]) -> str:
    return "-".join(map(str, point)).replace(" ", "-")


@pytest.mark.parametrize("point", POINTS, ids=name_of)
def test_a_crash_leaves_one_row_for_each_frame(tmp_path: Path, point: tuple[str, int]) -> None:
    paths = make_station(tmp_path, CAMERA)
    for name, picture in DROPPED.items():
        drop(paths, name, picture, {"part_id": name.partition(".")[0]})
    told, grabbed = tmp_path / "told", tmp_path / "grabbed"
    plan = Plan(camera=SCRIPT, grabbed=str(grabbed), announced=str(told), until_rows=EXPOSED + 1)
    died = run_child(paths, Plan(**(vars(plan) | {"faults": (Fault(*point),)})))
    assert died == -9, f"was not killed: {died}\n{child_said(paths)}"

    inspect_all(paths, dependencies(Plan(announced=str(told))))

    log = audit(paths, told)
    for name in DROPPED:
        assert log.of(name)["part_id"] == name.partition(".")[0]
    assert log.of("torn.png")["verdict"] == "INVALID"
    check_count(log, [int(number) for number in lines(grabbed)])


def check_count(log: Log, grabbed: list[int]) -> None:
    """Each frame that the camera delivered has a row or a loss, but for the one that was in
    memory.
    """
    rows = [row["camera_frame_number"] for row in log.inspections if row["camera"] == "top"]
    assert max(Counter(rows).values(), default=1) == 1
    numbered = [gap for gap in log.gaps if gap["first_frame_number"] is not None]
    lost = [
        number
        for gap in numbered
        for number in range(gap["first_frame_number"], gap["last_frame_number"] + 1)
    ]
    unnumbered = [gap for gap in log.gaps if gap["first_frame_number"] is None]
    assert {gap["reason"] for gap in unnumbered} <= {"torn", "damaged_row"}
    unexplained = sum(gap["lost"] for gap in unnumbered)
    if any(gap["reason"] == "damaged_row" for gap in unnumbered):
        # Its number was torn with it: at least one, at most what is missing below the next frame.
        below = set(range(max([*rows, *lost], default=-1))) - {*rows, *lost}
        unexplained = max(unexplained, len(below))
    lost += sorted(set(range(99)) - {*rows, *lost})[:unexplained]
    assert len(lost) >= log.lost
    accounted = sorted(rows + lost)
    assert accounted == list(range(len(accounted))), (
        f"frames are missing or counted twice: {accounted}"
    )
    assert len([number for number in grabbed if number >= len(accounted)]) <= 1, (
        f"{grabbed} were delivered"
    )


@pytest.mark.parametrize(
    "second", ["append half", "append after", "announce after", "unlink before", "rename after"]
)
def test_a_crash_while_recovering_from_a_crash_changes_nothing(tmp_path: Path, second: str) -> None:
    paths = make_station(tmp_path, CAMERA)
    for name, picture in DROPPED.items():
        drop(paths, name, picture)
    told = tmp_path / "told"
    first = Fault("append after in inspections")
    assert run_child(paths, Plan(announced=str(told), faults=(first,))) == -9
    again = Plan(camera="2f", announced=str(told), faults=(Fault(second, 1),))
    assert run_child(paths, again) == -9

    inspect_all(paths, dependencies(Plan(announced=str(told))))

    log = audit(paths, told)
    dropped = [row["original_name"] for row in log.inspections if row["camera"] != "top"]
    assert sorted(dropped) == sorted(DROPPED)
