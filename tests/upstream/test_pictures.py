"""Pictures go upstream under the digest that their rows have, each once, and only if they are what
was judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_edge.errors import UpstreamError
from qc_edge.query.evidence import picture_in
from qc_edge.records.receipts import read_receipt
from qc_edge.settings import StationPaths
from qc_edge.upstream import pictures
from qc_edge.upstream.targets.stores import StoreTarget
from qc_edge.vision.image import pixels_sha256
from tests.publish.rows import at, inspection, log
from tests.upstream.sealed import FIRST, NAME, SendingStation, copied
from tests.upstream.test_sync import Died, DyingTarget

PARTS = 6
FRAMES = [np.full((8, 8), number, np.uint8) for number in range(PARTS)]
DIGESTS = [pixels_sha256(frame) for frame in FRAMES]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> SendingStation:
    """A sealed day of six inspections with a frame each, of which the last shares its map with the
    one before, and one file that did not decode. Not to be changed.
    """
    root = tmp_path_factory.mktemp("pictures")
    made = SendingStation(StationPaths(root, NAME), root / "upstream")
    made.upstream.mkdir()
    made.paths.evidence.mkdir(parents=True)
    defect_map = np.zeros((4, 4), np.uint8)
    told = at("2026-11-23 00:06")
    with log(made.paths.state, told=told) as kept:
        for number, frame in enumerate(FRAMES):
            raw = made.paths.evidence / f"{number}.raw.pgm"
            raw.write_bytes(cv2.imencode(".pgm", frame)[1].tobytes())
            of_map: dict[str, Any] = {}
            if number >= PARTS - 2:
                where = made.paths.evidence / f"{number}.map.png"
                where.write_bytes(cv2.imencode(".png", defect_map)[1].tobytes())
                of_map = {
                    "map_path": f"evidence/{where.name}",
                    "map_sha256": pixels_sha256(defect_map),
                }
            row: dict[str, Any] = {
                "raw_path": f"evidence/{raw.name}",
                "raw_sha256": DIGESTS[number],
            }
            kept.add(inspection(at(f"2026-11-22 12:1{number}"), **row | of_map))
        (made.paths.evidence / "torn.raw.png").write_bytes(b"\x89PNG torn")
        torn: dict[str, Any] = {"raw_path": "evidence/torn.raw.png", "raw_sha256": None}
        kept.add(inspection(at("2026-11-22 12:30"), None, **torn))
        kept.publisher.publish()
        kept.publisher.seal(FIRST, told)
        kept.publisher.publish()
    return made


@pytest.fixture
def station(kept: SendingStation, tmp_path: Path) -> SendingStation:
    """A copy of it, which sends frames and maps."""
    return copied(kept, tmp_path / "station", evidence=("raw", "map"), parallel=2)


def sent_pictures(station: SendingStation) -> list[str]:
    return sorted(name for name in station.sent() if name.startswith("evidence/"))


def test_every_picture_is_found_from_its_row_and_is_there_once(station: SendingStation) -> None:
    report = station.sync()
    (receipt,) = report.sent
    assert (receipt.pictures, receipt.not_sent) == ({"raw": PARTS + 1, "map": 2}, 0)
    for digest in DIGESTS:
        there = (station.upstream / f"evidence/raw/{digest[:2]}/{digest}").read_bytes()
        assert picture_in(there).sha256 == digest
    names = sent_pictures(station)
    assert len([name for name in names if name.startswith("evidence/map/")]) == 1
    assert f"evidence/raw/station={NAME}/evidence/torn.raw.png" in names
    assert not [name for name in names if name.startswith("evidence/prepared/")]


def test_one_that_was_compressed_since_goes_as_it_is_now(station: SendingStation) -> None:
    raw = station.paths.evidence / "0.raw.pgm"
    raw.with_suffix(".png").write_bytes(cv2.imencode(".png", FRAMES[0])[1].tobytes())
    raw.unlink()
    assert station.sync().sent[0].not_sent == 0
    there = station.upstream / f"evidence/raw/{DIGESTS[0][:2]}/{DIGESTS[0]}"
    assert there.read_bytes().startswith(b"\x89PNG")


def test_one_that_was_damaged_here_is_left_out_and_named(station: SendingStation) -> None:
    (station.paths.evidence / "2.raw.pgm").write_bytes(cv2.imencode(".pgm", FRAMES[3])[1].tobytes())
    (station.paths.evidence / "1.raw.pgm").unlink()
    report = station.sync()
    assert report.sent[0].not_sent == 2
    assert "1.raw.pgm (row 2) is missing" in report.damaged[FIRST][0]
    assert "2.raw.pgm (row 3) has other pixels" in report.damaged[FIRST][1]
    assert not [name for name in sent_pictures(station) if DIGESTS[2] in name]


def test_one_that_a_crashed_server_has_torn_is_no_receipt(station: SendingStation) -> None:
    there = station.upstream / f"evidence/raw/{DIGESTS[4][:2]}/{DIGESTS[4]}"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"P5 8")
    report = station.sync()
    assert "does not hold the picture of its name" in report.refused[FIRST]
    assert station.receipted() == []


@pytest.mark.parametrize("broken", ["unreadable", "no directory"])
def test_pictures_that_cannot_be_read_today_are_not_taken_for_missing(
    station: SendingStation, broken: str
) -> None:
    if broken == "unreadable":  # also for root, who runs these tests in some places
        (station.paths.evidence / "2.raw.pgm").unlink()
        (station.paths.evidence / "2.raw.pgm").mkdir()
    else:
        station.paths.evidence.rename(station.paths.evidence.with_name("unmounted"))
    report = station.sync()
    assert "cannot be read" in report.refused[FIRST]
    assert station.receipted() == []


def test_a_class_that_is_added_on_the_way_goes_with_all_rows(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_NOTE_EVERY", 1)
    monkeypatch.setattr(pictures, "_WAITING_PER_THREAD", 1)
    station.configure(evidence=("map",), parallel=1)
    with pytest.raises(Died):
        station.sync(DyingTarget(station.target, "cannot put receipts"))
    station.configure(evidence=("raw", "map"), parallel=1)
    (receipt,) = station.sync().sent
    assert receipt.pictures == {"raw": PARTS + 1, "map": 2}
    assert receipt.classes == ("map", "raw")


def test_killed_on_the_way_it_goes_on_where_it_was(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_NOTE_EVERY", 1)
    monkeypatch.setattr(pictures, "_WAITING_PER_THREAD", 1)
    station.configure(evidence=("raw", "map"), parallel=1)
    with pytest.raises(Died):
        station.sync(DyingTarget(station.target, "cannot put evidence", 6))
    again = DyingTarget(station.target)
    (receipt,) = station.sync(again).sent
    assert (receipt.pictures, receipt.not_sent) == ({"raw": PARTS + 1, "map": 2}, 0)
    assert again.asked.count("cannot put evidence") < 6, "it began from the first one"
    size = sum(path.stat().st_size for path in station.paths.evidence.iterdir())
    tables = sum(path.stat().st_size for path in (station.upstream / "tables").rglob("*.parquet"))
    assert receipt.size_bytes == size + tables
    assert not list(station.paths.upstream.glob("pictures-*"))


def test_one_in_a_hundred_is_read_back_and_the_size_of_all(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torn(StoreTarget):
        def size(self, name: str) -> int | None:
            return 1 if DIGESTS[5] in name else super().size(name)

    monkeypatch.setattr(pictures, "_READ_BACK_SHARE", 0.0)
    target = station.target
    with pytest.raises(UpstreamError, match="and has 1"):
        station.sync(Torn(target.url, target._store, target._directory))


def test_without_the_setting_no_picture_goes(station: SendingStation) -> None:
    station.configure()
    station.sync()
    receipt = read_receipt(station.paths.upstream, FIRST)
    assert receipt is not None
    assert receipt.pictures == {}
    assert sent_pictures(station) == []
