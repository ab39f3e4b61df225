"""Whatever is dropped on a station: no false ACCEPT, and the station is up."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qc_edge.audit.finding import Severity
from qc_edge.audit.verify import verify
from qc_edge.domain.calibration import starting_calibration
from qc_edge.records import calibrations
from qc_edge.service import clock as clocks
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.spooled_file import parse_name
from qc_edge.vision.image import pixels_sha256
from tests.hostile.corpus import KINDS
from tests.hostile.labels import PATTERN
from tests.hostile.node import CAMERAS, Node, Truth
from tests.station.audit import Log, audit
from tests.station.harness import NAME, Running, drop, make_station, part, running, spooled

DEADLINE_MS = 15_000.0
"""Long enough for good parts on a slow machine, and far below what the corpus calls old."""

_WAITING_MOST = 12
_FINAL = "final.png"


def test_there_are_at_least_two_hundred_kinds() -> None:
    assert len(KINDS) >= 200


@pytest.mark.slow
@pytest.mark.parametrize(("identity", "seed"), [("required", 14), ("counter", 41)])
def test_nothing_hostile_is_accepted_and_the_station_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identity: str, seed: int
) -> None:
    # A clock that nothing disciplines would hold half of the corpus for its age alone.
    monkeypatch.setattr(clocks, "is_synchronised", lambda: True)
    paths = hostile_station(tmp_path, identity)
    with running(paths) as station:
        truths = drop_all(station, paths, seed)
        wait_until_accounted(station, paths, truths)
        drop(paths, _FINAL, part(seed=9999), {"part_id": "FINAL"})
        wait_until_accounted(station, paths, truths)
    log = audit(paths, drained=False)
    final = log.of(_FINAL)
    assert (final["disposition"], final["part_id"]) == ("ACCEPT", "FINAL")
    assert "\n".join(false_accepts(log, truths, identity)) == ""
    assert "\n".join(wrong_counts(log, truths)) == ""
    faults = [finding for finding in verify(paths).findings if finding.severity is Severity.FAULT]
    assert "\n".join(f"{f.kind}: {f.what}, {f.where}" for f in faults) == ""
    # Else nothing was tried: a station that holds all is never wrong.
    expected = [truth for truth in truths if truth.kind == "image: a good part"]
    accepted = {row["part_id"] for row in log.inspections if row["disposition"] == "ACCEPT"}
    assert sum(truth.part_id in accepted for truth in expected) >= len(expected) * 0.8


def hostile_station(root: Path, identity: str) -> StationPaths:
    """A station that takes nothing on trust, with calibrations for the nodes of the corpus."""
    paths = make_station(
        root,
        station={"name": NAME, "deadline_ms": DEADLINE_MS},
        incoming={
            "part_id": identity,
            "part_id_pattern": PATTERN,
            "repeated_frames": True,
            "settle_s": 0.3,
        },
    )
    for camera in CAMERAS:
        record = starting_calibration(NAME, camera, utc_now() - timedelta(days=1))
        calibrations.write(paths.calibration, record)
    return paths


def drop_all(station: Running, paths: StationPaths, seed: int) -> list[Truth]:
    """Drop every kind once, in an order of its own, with good parts between; the truths of all."""
    order = [*KINDS, *["image: a good part"] * (len(KINDS) // 6)]
    random.Random(seed).shuffle(order)
    truths: list[Truth] = []
    until_idle = partial(wait_until_accounted, station, paths, truths)
    for number, kind in enumerate(order, 1):
        KINDS[kind](Node(paths, kind, number, until_idle, truths))
        until_idle(_WAITING_MOST)
    return truths


def wait_until_accounted(
    station: Running, paths: StationPaths, truths: list[Truth], most: int = 0
) -> None:
    """Until at most so many files wait that are to be taken."""
    station.wait_for(
        lambda: waiting(paths, truths) <= most, f"{most} wait, behind {truths[-1:]}", 60.0
    )


def waiting(paths: StationPaths, truths: list[Truth]) -> int:
    """How many files are yet to be judged, in incoming and then in the spool."""
    names = {truth.name for truth in truths if truth.is_taken} | {_FINAL}
    dropped = [path.name.encode("utf-8", "backslashreplace") for path in paths.incoming.iterdir()]
    frames = [name for name in spooled(paths) if parse_name(name, 0, recovered=False)]
    return sum(name.decode() in names for name in dropped) + len(frames)


def rows_by_name(log: Log) -> dict[str, list[dict[str, Any]]]:
    """The rows by the name of the dropped file; those of own frames by their id."""
    rows = defaultdict(list)
    for row in log.inspections:
        rows[row["original_name"] or row["frame_id"]].append(row)
    del rows[_FINAL]
    return rows


def false_accepts(log: Log, truths: list[Truth], identity: str) -> list[str]:
    """What was accepted and should not have been, in words."""
    open_truths = defaultdict(list)
    for truth in truths:
        open_truths[truth.name].append(truth)
    found, seen = [], set()
    for name, rows in rows_by_name(log).items():
        for row in rows:
            if row["disposition"] != "ACCEPT":
                continue
            why = [why_not(row, truth, identity) for truth in open_truths[name]]
            if "" in why:
                del open_truths[name][why.index("")]
            else:
                kinds = {truth.kind for truth in open_truths[name]}
                found.append(f"{name!a} of {kinds}: {why}, {row['part_id']!a} {row['detail']}")
            if row["raw_sha256"] in seen:
                found.append(f"{name!a}: its picture was accepted before")
            seen.add(row["raw_sha256"])
    return found


def why_not(row: dict[str, Any], truth: Truth, identity: str) -> str:
    """Why `row` cannot be an ACCEPT of the file of which `truth` tells; empty if it can."""
    if not truth.may_be_accepted or truth.is_taken is False:
        return "it is not to be accepted"
    if truth.part_id is None and identity == "required":
        return "it has no id"
    is_counted = identity == "counter" and row["part_source"].startswith("counter")
    if truth.part_id is None and not is_counted:
        return f"its id is that of another, by {row['part_source']}"
    if truth.part_id not in {None, row["part_id"]} and not (is_counted and truth.may_lose_id):
        return f"it is part {truth.part_id!a}"
    if truth.pixels is not None and row["raw_sha256"] != pixels_sha256(truth.pixels):
        return "these are not its pixels"
    age = row["recorded_at"].replace(tzinfo=truth.exposed_at.tzinfo) - truth.exposed_at
    # File times are kept by the kernel's tick, and the row is recorded behind the decision.
    if age > timedelta(milliseconds=DEADLINE_MS) + timedelta(seconds=1):
        return f"it is {age} old"
    return ""


def wrong_counts(log: Log, truths: list[Truth]) -> list[str]:
    """Files without their row, and rows without their file, in words."""
    rows = rows_by_name(log)
    sure: dict[str, int] = defaultdict(int)
    possible: dict[str, int] = defaultdict(int)
    for truth in truths:
        sure[truth.name] += truth.is_taken is True
        possible[truth.name] += truth.is_taken is not False
    return [
        f"{name!a}: {len(rows.get(name, []))} rows, expected {sure[name]} to {possible[name]}"
        for name in {*rows, *sure}
        if not sure[name] <= len(rows.get(name, [])) <= possible[name]
    ]
