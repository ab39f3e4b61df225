"""Whose part it is: the id that came with the frame or none, never one that was guessed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from qc_edge.settings import StationPaths
from tests.station.audit import audit
from tests.station.harness import NAME, drop, make_station, part, running

LONG = "48213_外观检查工位三号线正面相机高清图像二零二六年十一月.png"
"""Percent-encoded it has more bytes than fit into a spooled file's name."""


def inspected(tmp_path: Path, drops: list[tuple[str, Any]], **incoming: Any) -> Any:
    """The log of a station that was given these (name, sidecar)s, one after the other."""
    paths = make_station(tmp_path, incoming=incoming)
    with running(paths) as station:
        for number, (name, sidecar) in enumerate(drops, 1):
            drop(paths, name, part(seed=number), sidecar)
            station.wait_until_inspected(number)
    return audit(paths)


def test_a_part_without_the_id_that_is_required_is_held_under_a_name_no_reader_sends(
    tmp_path: Path,
) -> None:
    drops = [
        ("none.png", None),
        ("misspelt.png", {"part": "48213"}),
        ("right.png", {"part_id": "48214", "operator": "7", "partial_scan": True}),
        ("a_9.png", None),
    ]
    log = inspected(tmp_path, drops, part_id="required", part_id_pattern=r"^a_(?P<part>\d+)")
    for name in ("none.png", "misspelt.png"):
        row = log.of(name)
        assert (row["verdict"], row["disposition"], row["hold_reason"], row["part_source"]) == (
            "PASS",
            "HOLD",
            "no_part_id",
            "none",
        )
        assert row["part_id"].startswith("unidentified-")
    assert "unknown key 'part', did you mean \"part_id\"?" in log.of("misspelt.png")["detail"]
    assert [log.of(name)["part_id"] for name in ("right.png", "a_9.png")] == ["48214", "9"]
    assert {log.of(name)["disposition"] for name in ("right.png", "a_9.png")} == {"ACCEPT"}


def test_a_key_that_looks_like_part_id_holds_the_part_where_parts_are_counted_too(
    tmp_path: Path,
) -> None:
    drops = [("a.png", {"PartId": "48213"}), ("b.png", {"participants": 3}), ("c.png", None)]
    log = inspected(tmp_path, drops)
    assert [log.of(name)["hold_reason"] for name in ("a.png", "b.png", "c.png")] == [
        "no_part_id",
        None,
        None,
    ]
    assert log.of("c.png")["part_id"] == "3"


def test_an_empty_group_is_no_id_and_the_row_says_so(tmp_path: Path) -> None:
    pattern = r"^(?P<lot>[^_]+)_(?P<part>[^_.]*)"
    log = inspected(tmp_path, [("L7_48213.png", None), ("L7_.png", None)], part_id_pattern=pattern)
    assert log.of("L7_48213.png")["part_id"] == "48213"
    row = log.of("L7_.png")
    assert (row["part_id"], row["part_source"], row["disposition"]) == ("1", "counter", "ACCEPT")
    assert "the name has no id by incoming.part_id_pattern" in row["detail"]


def test_the_pattern_sees_the_whole_of_a_long_name(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"part_id_pattern": r"^(?P<part>\d+)_"})
    drop(paths, LONG, part())
    with running(paths) as station:
        station.wait_until_inspected(1)
        drop(paths, LONG.replace("48213", "48214"), part(seed=1))
        station.wait_until_inspected(2)
        assert not [*paths.frames.iterdir()]
    log = audit(paths)
    assert [row["part_id"] for row in log.inspections] == ["48213", "48214"]
    assert log.of(LONG)["hold_reason"] == "recovered"


def test_a_name_that_nearly_fits_does_not_stop_the_station(tmp_path: Path) -> None:
    names = ["AB12-X3_1.png", "20261127T190000-LINE4-PLANT07-SERIAL48213A.png", "AB13_2.png"]
    log = inspected(
        tmp_path,
        [(name, None) for name in names],
        part_id_pattern="^(?P<part>([A-Z0-9]+-?)+)_",
    )
    assert [row["part_id"] for row in log.inspections] == ["AB12-X3", "1", "AB13"]


def test_ids_are_trimmed_and_what_a_reader_garbles_is_refused(tmp_path: Path) -> None:
    ids = ["48213\r\n", "   ", "A\x1b[2JB", "x\n19:00:00 INFO part 99 PASS ACCEPT\ny"]
    drops = [(f"{number}.png", {"part_id": part_id}) for number, part_id in enumerate(ids)]
    log = inspected(tmp_path, drops)
    assert log.of("0.png")["part_id"] == "48213"
    for number in (1, 2, 3):
        row = log.of(f"{number}.png")
        assert (row["verdict"], row["reason"]) == ("INVALID", "bad_sidecar")
        assert row["detail"].isprintable()


@pytest.mark.parametrize("name", ["x.sidecar", "x.name", "x.png.sidecar"])
def test_a_frame_may_be_named_like_a_companion(tmp_path: Path, name: str) -> None:
    paths = make_station(tmp_path)
    drop(paths, name, Path(os.devnull).read_bytes())
    with running(paths) as station:
        station.wait_until_inspected(1)
    assert audit(paths).of(name)["reason"] == "empty_file"


def test_a_sidecar_with_another_files_size_or_digest_is_not_taken(tmp_path: Path) -> None:
    drops = [
        ("size.png", {"part_id": "A", "size": 7}),
        ("digest.png", {"part_id": "B", "sha256": "0" * 64}),
        ("own.png", {"part_id": "C", "size": [640, 480]}),
    ]
    log = inspected(tmp_path, drops, part_id="required")
    for name in ("size.png", "digest.png"):
        row = log.of(name)
        assert (row["hold_reason"], row["part_source"]) == (
            "doubtful_sidecar",
            "none_doubtful_sidecar",
        )
    assert (log.of("own.png")["part_id"], log.of("own.png")["disposition"]) == ("C", "ACCEPT")
    assert len(log.events_of("sidecar_set_aside")) == 2
    kept = StationPaths(tmp_path, NAME).quarantine.rglob("*.sidecar")
    assert sorted(json.loads(path.read_text())["part_id"] for path in kept) == ["A", "B"]
