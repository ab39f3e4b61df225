"""A sidecar labels the image that it was written for, or none."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import (
    NAME,
    Running,
    drop,
    encoded,
    make_station,
    part,
    running,
)


def write_sidecar(paths: StationPaths, name: str, part_id: str, **more: Any) -> None:
    """As a camera PC does: by rename from a hidden name."""
    hidden = paths.incoming / f".{os.urandom(8).hex()}"
    hidden.write_text(json.dumps({"part_id": part_id, **more}))
    hidden.rename(paths.incoming / name)


def wait_until_gone(station: Running, paths: StationPaths, name: str) -> None:
    station.wait_for(lambda: not (paths.incoming / name).exists(), f"{name} is set aside")


def identities(paths: StationPaths) -> list[tuple[str, str, str]]:
    """(part_id, part_source, disposition) of each row, in order."""
    return [
        (row["part_id"], row["part_source"], row["disposition"]) for row in audit(paths).inspections
    ]


def test_a_sidecar_that_comes_after_its_image_was_taken_never_labels_the_next(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number in range(1, 4):
            drop(paths, "image.png", part(seed=number))
            station.wait_until_inspected(number)
            write_sidecar(paths, "image.json", f"P-{number}")
            wait_until_gone(station, paths, "image.json")
    assert identities(paths) == [(str(n), "counter", "ACCEPT") for n in range(1, 4)]
    log = audit(paths)
    assert len(log.events_of("sidecar_set_aside")) == 3
    kept = sorted(path for path in paths.quarantine.rglob("*.json"))
    assert [json.loads(path.read_text())["part_id"] for path in kept] == ["P-1", "P-2", "P-3"]
    assert all(path.with_name(f"{path.name}.reason.txt").exists() for path in kept)


def test_a_producer_that_writes_the_image_first_is_right_where_a_sidecar_is_required(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path, incoming={"sidecar": "required", "part_id": "required"})
    with running(paths) as station:
        for number in range(1, 5):
            drop(paths, "image.png", part(seed=number))
            write_sidecar(paths, "image.json", f"P-{number}")
            station.wait_until_inspected(number)
    assert identities(paths) == [(f"P-{n}", "sidecar", "ACCEPT") for n in range(1, 5)]


def test_after_an_image_without_a_sidecar_the_next_sidecar_of_that_name_is_nobodys(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path, incoming={"part_id": "required"})
    with running(paths) as station:
        for number, has_code in enumerate((True, False, True), 1):
            sidecar = {"part_id": f"P-{number}"} if has_code else None
            drop(paths, "image.png", part(seed=number), sidecar)
            station.wait_until_inspected(number)
    rows = audit(paths).inspections
    assert [row["part_id"] for row in rows] == ["P-1", "unidentified-1", "unidentified-2"]
    assert [row["hold_reason"] for row in rows][1] == "no_part_id"
    assert rows[2]["disposition"] == "HOLD"


def test_a_sidecar_from_long_before_its_image_is_doubtful(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"part_id": "required"})
    with running(paths) as station:
        write_sidecar(paths, "a.json", "OLD")
        os.utime(paths.incoming / "a.json", (time.time() - 60,) * 2)
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
        wait_until_gone(station, paths, "a.json")
    (row,) = audit(paths).inspections
    assert (row["disposition"], row["hold_reason"], row["part_source"]) == (
        "HOLD",
        "doubtful_sidecar",
        "none_doubtful_sidecar",
    )
    assert "60 s before its image" in row["detail"]


def test_a_sidecar_from_before_the_start_labels_no_image_that_comes_later(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    write_sidecar(paths, "a.json", "OLD")
    with running(paths) as station:
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
        drop(paths, "a.png", part(seed=1), {"part_id": "NEW"})
        station.wait_until_inspected(2)
    assert identities(paths)[0] == ("1", "counter_doubtful_sidecar", "ACCEPT")


def test_a_digest_in_the_sidecar_proves_whose_it_is(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"part_id": "required"})
    with running(paths) as station:
        for number in (1, 2):
            data = encoded(part(seed=number), ".png")
            digest = hashlib.sha256(data).hexdigest()
            write_sidecar(paths, "a.json", f"P-{number}", sha256=digest)
            os.utime(paths.incoming / "a.json", (time.time() - 60,) * 2)
            drop(paths, "a.png", data)
            station.wait_until_inspected(number)
    assert identities(paths) == [(f"P-{n}", "sidecar", "ACCEPT") for n in (1, 2)]


def test_a_digest_goes_on_after_an_image_without_a_sidecar(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"part_id": "required"})
    with running(paths) as station:
        for number in (1, 2, 3):
            data = encoded(part(seed=number), ".png")
            if number > 1:
                digest = hashlib.sha256(data).hexdigest()
                write_sidecar(paths, "a.json", f"P-{number}", sha256=digest)
            drop(paths, "a.png", data)
            station.wait_until_inspected(number)
    assert [row[0] for row in identities(paths)] == ["unidentified-1", "P-2", "P-3"]


def test_a_required_sidecar_that_never_came_costs_one_part(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"sidecar": "required", "sidecar_wait_s": 0.5})
    with running(paths) as station:
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
        drop(paths, "a.png", part(seed=1))
        station.wait_for((paths.incoming / "a.png").exists, "it waits")
        write_sidecar(paths, "a.json", "B")
        station.wait_until_inspected(2)
    first, second = audit(paths).inspections
    assert (first["verdict"], first["reason"]) == ("INVALID", "bad_sidecar")
    assert (second["part_id"], second["disposition"]) == ("B", "ACCEPT")


def test_of_two_sidecars_the_one_that_is_left_over_is_set_aside(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"part_id": "required"})
    with running(paths) as station:
        write_sidecar(paths, "a.json", "SECOND")
        drop(paths, "a.png", part(), {"part_id": "FIRST"})
        station.wait_until_inspected(1)
        drop(paths, "a.png", part(seed=1))
        station.wait_until_inspected(2)
    assert [row[0] for row in identities(paths)] == ["FIRST", "unidentified-1"]


def test_nodes_have_folders_of_their_own_and_may_use_the_same_names(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    for node in ("left", "right"):
        (paths.incoming / node).mkdir()
    (paths.incoming / "Not A Camera").mkdir()
    with running(paths) as station:
        for number in range(3):
            for node in ("left", "right"):
                drop(paths, f"{node}/image.png", part(seed=number), {"part_id": f"{node}{number}"})
            station.wait_until_inspected(2 * number + 2)
        (paths.incoming / "late").mkdir()
        drop(paths, "late/image.png", part())
        station.wait_until_inspected(7)
    rows = audit(paths).inspections
    seen = sorted((row["camera"], row["part_id"], row["original_name"]) for row in rows)
    assert seen == [
        ("late", "late-1", "image.png"),
        *[("left", f"left{n}", "image.png") for n in range(3)],
        *[("right", f"right{n}", "image.png") for n in range(3)],
    ]
    assert all(row["frame_id"].endswith(f"Z-{row['camera']}") for row in rows)
    assert {row["disposition"] for row in rows} == {"ACCEPT"}


def test_what_lay_in_a_nodes_folder_before_the_start_is_held(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    (paths.incoming / "left").mkdir()
    drop(paths, "left/a.png", part(), {"part_id": "A"})
    with running(paths) as station:
        station.wait_until_inspected(1)
    assert identities(paths) == [("A", "sidecar", "HOLD")]


def test_a_node_may_have_a_calibration_of_its_own(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    (paths.incoming / "left").mkdir()
    with running(paths) as station:
        for number in range(3):
            drop(paths, f"left/{number}.png", part(seed=number))
        station.wait_until_inspected(3)
    result = invoke(
        *("calibrate", NAME, "--camera", "left", "--by", "M. Huber", "--yes", "--root", paths.root)
    )
    assert result.exit_code == 0, result.output
    with running(paths) as station:
        drop(paths, "left/a.png", part(seed=0))
        drop(paths, "a.png", part(seed=0))
        station.wait_until_inspected(2)
    ids = {row["camera"]: row["calibration_id"] for row in audit(paths).inspections[-2:]}
    assert ids["left"].endswith("Z-left")
    assert ids["incoming"].endswith("Z-incoming")
