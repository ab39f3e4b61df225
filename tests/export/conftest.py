"""A station that has judged parts of two lots, with labels, a gap and a torn file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qc_edge.domain.inspection import Gap, Label
from qc_edge.query.typed_rows import read_inspections
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.audit.rows import publish
from tests.publish.rows import gap, label
from tests.station.harness import BAD, GOOD, NAME, NEAR, drop, inspect_all, make_station, part

PARTS = {"A1": GOOD, "A2": BAD, "A3": NEAR, "B1": GOOD, "B2": BAD}
"""Part id -> gray level of its corner; the letter is its lot."""


@pytest.fixture(scope="session")
def two_lots(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """At rest, and not to be changed."""
    paths = make_station(tmp_path_factory.mktemp("two-lots"))
    for lot in ("A", "B"):
        for number, (name, level) in enumerate(PARTS.items()):
            if name.startswith(lot):
                drop(paths, f"{name}.png", part(level, number), {"part_id": name, "lot": lot})
        inspect_all(paths)
    drop(paths, "torn.png", b"\x89PNG\r\n\x1a\n12")
    inspect_all(paths)
    judged = {row.part_id: row for row in read_inspections(paths.database)}
    now = utc_now()
    said: list[Label | Gap] = [
        label(now, judged["A1"], "defect"),
        label(now, judged["B1"], "good"),
        gap(now),
    ]
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit(said, now)
    ledger.close()
    publish(paths)
    return paths


@pytest.fixture
def paths(two_lots: StationPaths, tmp_path: Path) -> StationPaths:
    """That station in a place of its own."""
    shutil.copytree(two_lots.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)
