"""A station that has judged parts of six lots, with labels of people, boxes and a mask."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_edge.domain.inspection import Label
from qc_edge.domain.label import Box, Mask, Polygon, Region, regions_json
from qc_edge.query.typed_rows import read_inspections
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.audit.rows import publish
from tests.publish.rows import label
from tests.station.harness import (
    BAD,
    GOOD,
    NEAR,
    drop,
    encoded,
    inspect_all,
    make_station,
    part,
    spool,
)

LOTS = 6

PICTURES = 3 * LOTS + 1

CORNER = np.zeros((96, 96), np.uint8)
CORNER[10:20, 5:40] = 255
CORNER[60:70, 80:96] = 255


def mask_of(paths: StationPaths) -> Mask:
    """The mask CORNER, kept as the station keeps masks."""
    png = encoded(CORNER, ".png")
    sha256 = hashlib.sha256(png).hexdigest()
    paths.masks.mkdir(exist_ok=True)
    (paths.masks / f"{sha256}.png").write_bytes(png)
    return Mask(sha256)


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """At rest, and not to be changed. Of lot N: part N-good, N-bad (a scratch) and N-near; a
    frame of the camera, and a torn file.
    """
    paths = make_station(tmp_path_factory.mktemp("dataset"))
    for lot in range(LOTS):
        for number, (name, level) in enumerate((("good", GOOD), ("bad", BAD), ("near", NEAR))):
            sidecar = {"part_id": f"{lot}-{name}", "lot": f"L{lot}"}
            kind = "png" if name == "near" else "pgm"
            drop(paths, f"{lot}-{name}.{kind}", part(level, 10 * lot + number), sidecar)
    spool(paths, part(GOOD, 99), 1)
    drop(paths, "torn.png", b"\x89PNG\r\n\x1a\n12")
    inspect_all(paths)
    rows = {row.part_id: row for row in read_inspections(paths.database)}
    now = utc_now()
    said: list[Label] = []
    regions: dict[str, tuple[Region, ...]] = {
        "1-bad": (Box(1, 2, 30, 40), Box(50.5, 60, 20, 30)),
        "2-bad": (Polygon(((1.5, 2), (9, 2), (9, 9))),),
        "3-bad": (mask_of(paths),),
    }
    for lot in range(LOTS):
        said.append(label(now, rows[f"{lot}-good"], "good", role="reviewer"))
        marked = regions_json(regions.get(f"{lot}-bad", ()))
        scratch: dict[str, Any] = {"defect_class": "scratch 1/2", "regions": marked}
        said.append(label(now, rows[f"{lot}-bad"], "defect", role="reviewer", **scratch))
    said.append(label(now, rows["0-good"], "good", who="Ben", role="reviewer"))
    said.append(label(now, rows["5-near"], "defect", role="reviewer"))
    said.append(label(now, rows["5-near"], "good", who="Ben", role="reviewer"))
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit(said, now)
    ledger.close()
    publish(paths)
    return paths


def pixels(path: Path) -> np.ndarray:
    """The picture as it is in the file."""
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None, path
    return found
