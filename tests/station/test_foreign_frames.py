"""Frames that other nodes drop into incoming: every kind taken, every fault named, nothing stops
the line.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.station.audit import audit
from tests.station.harness import (
    BAD,
    Running,
    drop,
    dropped,
    encoded,
    make_station,
    part,
    running,
    wait_for,
)

PATIENT = {"settle_s": 2.0}
"""For a test that writes on: its thread may have to wait for the processor meanwhile."""


FORMATS = [".png", ".jpg", ".tiff", ".bmp", ".pgm", ".ppm"]


def colour(level: int) -> Any:
    return np.repeat(part(level)[..., None], 3, axis=2)


def test_every_format_is_taken_with_and_without_a_sidecar(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for suffix in FORMATS:
            picture = encoded(colour(BAD) if suffix == ".ppm" else part(BAD), suffix)
            drop(paths, f"alone{suffix}", picture)
            drop(
                paths,
                f"told{suffix}",
                picture,
                {"part_id": f"part {suffix}", "lot": "L7", "camera": "left"},
            )
        station.wait_until_inspected(12)
    log = audit(paths)
    for suffix in FORMATS:
        alone, told = log.of(f"alone{suffix}"), log.of(f"told{suffix}")
        assert (alone["verdict"], told["verdict"]) == ("FAIL", "FAIL")
        assert (alone["part_source"], alone["camera"]) == ("counter", "incoming")
        assert (told["part_id"], told["part_source"]) == (f"part {suffix}", "sidecar")
        assert (told["lot"], told["camera"]) == ("L7", "left")
    assert dropped(paths) == []
    assert not list(paths.incoming.iterdir()), "the sidecars went with their frames"


def test_deep_frames_are_taken(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        drop(paths, "deep.png", encoded(part(BAD).astype(np.uint16) * 257, ".png"))
        drop(paths, "deep.tiff", encoded(part(BAD).astype(np.uint16) * 257, ".tiff"))
        station.wait_until_inspected(2)
    assert {(row["verdict"], row["bit_depth"]) for row in audit(paths).inspections} == {
        ("FAIL", 16)
    }


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_a_file_that_is_written_slowly_in_place_is_waited_for(tmp_path: Path, suffix: str) -> None:
    paths = make_station(tmp_path)
    data = encoded(part(), suffix)
    with running(paths) as station:
        write_slowly(station, paths.incoming / f"slow{suffix}", data)
        station.wait_until_inspected(1)
    assert audit(paths).of(f"slow{suffix}")["verdict"] == "PASS"


def write_slowly(station: Running, path: Path, data: bytes) -> None:
    """In five pieces over half a second, closed late."""
    pause = threading.Event()
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // 5 + 1):
            file.write(data[start : start + len(data) // 5 + 1])
            pause.wait(0.12)
        assert path.exists(), "it was taken while it was being written"


def test_a_writer_that_closes_between_pieces_is_waited_for_as_well(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming=PATIENT)
    data = encoded(part(), ".png")
    with running(paths) as station:
        with (paths.incoming / "pieces.png").open("wb") as file:
            file.write(data[:4000])
        taken = wait_for(lambda: [*paths.frames.iterdir()], "it is taken at the first close")
        with taken[0].open("ab") as file:
            file.write(data[4000:])
        station.wait_until_inspected(1)
    assert audit(paths).of("pieces.png")["verdict"] == "PASS"


def test_a_sidecar_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming=PATIENT)
    with (
        running(paths) as station,
        (paths.incoming / "a.png.json").open("wb", buffering=0) as sidecar,
    ):
        sidecar.write(b'{"part_id": ')
        drop(paths, "a.png", part())
        wait_for(lambda: [*paths.frames.glob("*~a.png.sidecar")], "taken with its sidecar")
        sidecar.write(b'"late"}')
        station.wait_until_inspected(1)
    assert audit(paths).of("a.png")["part_id"] == "late"


def test_part_ids_come_from_sidecar_then_name_then_a_counter_that_survives(tmp_path: Path) -> None:
    pattern = {"part_id_pattern": r"part-(?P<part>\w+)"}
    paths = make_station(tmp_path, incoming=pattern)
    for start in (1, 2):
        with running(paths) as station:
            drop(paths, f"part-a{start}.png", part())
            drop(paths, f"part-b{start}.png", part(), {"part_id": f"B{start}"})
            drop(paths, f"plain{start}.png", part())
            station.wait_until_inspected(3)
    log = audit(paths)
    for start in (1, 2):
        assert log.of(f"part-a{start}.png")["part_id"] == f"a{start}"
        assert log.of(f"part-b{start}.png")["part_id"] == f"B{start}"
        assert (
            log.of(f"plain{start}.png")["part_id"],
            log.of(f"plain{start}.png")["part_source"],
        ) == (
            str(start),
            "counter",
        )


def test_hidden_and_temporary_names_directories_and_lone_sidecars_are_left_alone(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    left = [".hidden.png", "a.png.part", "b.tmp", "c.filepart", "d~", "e.png.swp", "lone.json"]
    with running(paths) as station:
        for name in left:
            (paths.incoming / name).write_bytes(encoded(part(), ".png"))
        (paths.incoming / "folder.png").mkdir()
        drop(paths, "good.png", part())
        station.wait_until_inspected(1)
        looks = len(station.statuses)
        station.wait_for(lambda: len(station.statuses) > looks + 1, "a while")
    assert len(audit(paths).inspections) == 1
    assert sorted(path.name for path in paths.incoming.iterdir()) == sorted([*left, "folder.png"])


def bomb() -> bytes:
    """A small PNG whose header asks for 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


FAULTS = {
    "empty.png": (b"", "empty_file"),
    "torn.png": (encoded(part(), ".png")[:-20], "torn_file"),
    "torn.jpg": (encoded(part(), ".jpg")[:2000], "torn_file"),
    "torn.bmp": (encoded(part(), ".bmp")[:-1], "torn_file"),
    "text.png": (b"hello, this is no picture", "not_an_image"),
    "bomb.png": (bomb(), "too_large"),
    "page.html": (b"<html>", "not_an_image"),
}


def test_what_is_no_frame_is_quarantined_with_its_reason_and_the_line_goes_on(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for name, (data, _) in FAULTS.items():
            drop(paths, name, data)
        drop(paths, "good.png", part())
        station.wait_until_inspected(len(FAULTS) + 1)
    log = audit(paths)
    assert log.of("good.png")["verdict"] == "PASS"
    for name, (data, reason) in FAULTS.items():
        row = log.of(name)
        assert (row["verdict"], row["disposition"], row["reason"]) == ("INVALID", "HOLD", reason)
        kept = paths.state / row["raw_path"]
        assert kept.is_relative_to(paths.quarantine)
        assert kept.read_bytes() == data
        assert kept.with_name(f"{kept.name}.reason.txt").read_text().startswith(f"{reason}: ")


def test_links_pipes_and_files_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"max_file_mb": 0.1})
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(part(), ".png"))
    with running(paths) as station:
        (paths.incoming / "link.png").symlink_to(secret)
        (paths.incoming / "dangling.png").symlink_to("nowhere")
        (paths.incoming / "folder-link.png").symlink_to(tmp_path)
        (paths.incoming / "up.png").symlink_to("../../../../../etc")
        os.mkfifo(paths.incoming / "pipe.png")
        drop(paths, "huge.bmp", b"BM" + bytes(200_000))
        (paths.incoming / "evil.png.json").symlink_to(secret)
        drop(paths, "evil.png", part())
        station.wait_until_inspected(7)
    log = audit(paths)
    reasons = {row["original_name"]: row["reason"] for row in log.inspections}
    assert reasons.pop("huge.bmp") == "too_large"
    assert reasons.pop("evil.png") == "bad_sidecar"
    assert set(reasons.values()) == {"refused_path"}
    assert len(reasons) == 5
    assert secret.exists()


def test_a_name_that_is_used_again_at_once_is_another_frame(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number in range(40):
            wait_for(lambda: not dropped(paths), "the last one was taken")
            drop(paths, "same.png", part(seed=number))
        station.wait_until_inspected(40)
    rows = audit(paths).inspections
    assert len({row["raw_sha256"] for row in rows}) == 40


def test_a_required_sidecar_may_come_late_or_never(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"sidecar": "required", "sidecar_wait_s": 1.0})
    with running(paths) as station:
        drop(paths, "late.png", part())
        drop(paths, "never.png", part())
        (paths.incoming / ".late").write_text(json.dumps({"part_id": "L"}))
        (paths.incoming / ".late").rename(paths.incoming / "late.json")
        station.wait_until_inspected(2)
    log = audit(paths)
    assert (log.of("late.png")["verdict"], log.of("late.png")["part_id"]) == ("PASS", "L")
    assert (log.of("never.png")["verdict"], log.of("never.png")["reason"]) == (
        "INVALID",
        "bad_sidecar",
    )


SIDECARS = [
    b"{",
    b"[]",
    b"",
    b"\xff\xfe",
    b'{"part_id": ""}',
    b'{"captured_at": "yesterday"}',
    b'{"exposure_us": NaN}',
    b'{"lot": {"a": 1}}',
    b'{"captured_at": "0001-01-01T00:00:00+14:00"}',
    b'{"captured_at": "9999-12-31T23:59:59-14:00"}',
    b'{"camera_frame_number": 99999999999999999999}',
    b'{"part_id": "' + b"x" * 300 + b'"}',
    b'{"part_id": "\\ud800"}',
]


def test_a_sidecar_that_makes_no_sense_makes_the_frame_invalid(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number, data in enumerate(SIDECARS):
            (paths.incoming / f"{number}.json").write_bytes(data)
            drop(paths, f"{number}.png", part())
        station.wait_until_inspected(len(SIDECARS))
    reasons = {row["original_name"]: row["reason"] for row in audit(paths).inspections}
    assert set(reasons.values()) == {"bad_sidecar"}, reasons


ODD_NAMES = [
    "sp ace.png",
    "ümläut.png",
    "percent%41.png",
    "tilde~1.png",
    "-rf.png",
    "quote'\".png",
    "new\nline.png",
    "日本" * 40 + ".png",
    "x" * 251 + ".png",
    "dots...png",
    "no-suffix",
    ".png.png"[1:],
    "a;b&c|d.png",
]


def test_odd_names_are_names_like_any_other(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={"part_id_pattern": r"^(?s:(.+?))\."})
    binary = os.fsdecode(b"caf\xe9.png")
    with running(paths) as station:
        for name in [*ODD_NAMES, binary]:
            drop(paths, name, encoded(part(), ".png"))
        station.wait_until_inspected(len(ODD_NAMES) + 1)
    log = audit(paths)
    assert {row["verdict"] for row in log.inspections} == {"PASS"}
    names = {row["original_name"] for row in log.inspections}
    assert set(ODD_NAMES) < names
    held = {row["original_name"] for row in log.inspections if row["hold_reason"]}
    assert held == {"new\nline.png", "x" * 251 + ".png", "caf\\udce9.png"}
    for name in held:
        assert log.of(name)["hold_reason"] == "no_part_id"


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (3, 1)])
def test_a_picture_of_hardly_any_pixels_is_refused_by_a_gate(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        drop(paths, "tiny.png", np.full(shape, 120, np.uint8))
        station.wait_until_inspected(1)
    assert audit(paths).of("tiny.png")["verdict"] == "INVALID"


def test_what_lay_there_before_the_start_is_held(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "old.png", part())
    with running(paths) as station:
        drop(paths, "new.png", part())
        station.wait_until_inspected(2)
        drop(paths, "old.png", part(seed=1))
        station.wait_until_inspected(3)
    told = [(row["original_name"], row["disposition"]) for row in audit(paths).inspections]
    assert sorted(told) == [("new.png", "ACCEPT"), ("old.png", "ACCEPT"), ("old.png", "HOLD")]


def test_a_sidecar_that_a_crash_parted_from_its_frame_finds_it_again(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "a b.png", part())
    (paths.frames / "20261122T101500000000Z-incoming~a%20b.png.sidecar").write_text(
        '{"part_id": "mine"}'
    )
    with running(paths) as station:
        station.wait_until_inspected(1)
    assert audit(paths).of("a b.png")["part_id"] == "mine"


def test_of_a_huge_file_of_another_user_the_beginning_is_kept_and_the_line_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    paths = make_station(tmp_path, incoming={"max_file_mb": 0.1})
    hidden = paths.incoming / ".huge"
    hidden.write_bytes(b"BM")
    os.truncate(hidden, 100 << 20)
    with running(paths) as station:
        monkeypatch.setattr(os, "link", forbid)  # as fs.protected_hardlinks does
        hidden.rename(paths.incoming / "huge.bmp")
        drop(paths, "good.png", part())
        station.wait_until_inspected(2)
    log = audit(paths)
    row = log.of("huge.bmp")
    assert (row["verdict"], row["reason"]) == ("INVALID", "too_large")
    assert (paths.state / row["raw_path"]).stat().st_size == 1 << 20
    assert log.of("good.png")["verdict"] == "PASS"
