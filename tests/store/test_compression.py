"""Raw evidence is made smaller without the pixels changing, and only by whoever has proven that."""

from __future__ import annotations

import os
import time
import tracemalloc
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from qc_edge.store.compression import Compressor
from qc_edge.store.durable import Disk
from qc_edge.vision import pnm
from qc_edge.vision.image import Pixels, decode, pixels_sha256

PICTURES: dict[str, tuple[Pixels, int]] = {
    "gray": (np.tile(np.arange(64, dtype=np.uint8), (48, 1)), 8),
    "12 bit": (np.arange(64 * 48, dtype=np.uint16).reshape(48, 64), 12),
    "colour": (np.arange(64 * 48 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8), 8),
}


@pytest.fixture
def compressor(tmp_path: Path) -> Compressor:
    (tmp_path / "tmp").mkdir()
    return Compressor(tmp_path / "evidence", Disk())


def keep(tmp_path: Path, pixels: Pixels, bit_depth: int, age_s: float = 7200.0) -> Path:
    """A frame that has been evidence for `age_s` seconds."""
    suffix = "ppm" if pixels.ndim == 3 else "pgm"
    raw = tmp_path / "evidence/2026-01-02/03" / f"7_20260102T030000000000Z-top.raw.{suffix}"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(
        b"".join(map(bytes, pnm.encode({"frame_id": "7", "camera": "top"}, pixels, bit_depth)))
    )
    then = time.time() - age_s
    os.utime(raw, (then, then))
    os.utime(raw.parent, (then, then))
    return raw


@pytest.mark.parametrize("kind", PICTURES)
def test_a_compressed_frame_has_the_same_pixels_and_says_whose_it_is(
    tmp_path: Path, compressor: Compressor, kind: str
) -> None:
    pixels, bit_depth = PICTURES[kind]
    raw = keep(tmp_path, pixels, bit_depth)
    assert compressor.compress(600.0, lambda: True) == 1
    assert not raw.exists()
    png = raw.with_suffix(".png").read_bytes()
    assert decode(png, max_pixels=10**6).sha256 == pixels_sha256(pixels)
    assert b'qc-edge {"frame_id":"7"' in png


def test_what_is_too_young_is_left_alone(tmp_path: Path, compressor: Compressor) -> None:
    raw = keep(tmp_path, *PICTURES["gray"], age_s=60.0)
    assert compressor.compress(600.0, lambda: True) == 0
    assert raw.exists()


def test_what_a_clock_in_the_future_has_dated_is_compressed(
    tmp_path: Path, compressor: Compressor
) -> None:
    raw = keep(tmp_path, *PICTURES["gray"], age_s=-50 * 365 * 86_400.0)
    future = tmp_path / "evidence/2076-01-02/03"
    future.parent.mkdir()
    raw.parent.rename(future)
    assert compressor.compress(600.0, lambda: True) == 1


def test_an_hour_that_has_just_begun_is_not_looked_at(
    tmp_path: Path, compressor: Compressor
) -> None:
    raw = keep(tmp_path, *PICTURES["gray"], age_s=0.0)
    hour = (
        tmp_path
        / f"evidence/{datetime.fromtimestamp(raw.stat().st_mtime, timezone.utc):%Y-%m-%d/%H}"
    )
    hour.parent.mkdir(exist_ok=True)
    raw.parent.rename(hour)
    assert compressor.compress(7200.0, lambda: pytest.fail("it asks before each raw frame")) == 0
    asked = iter([True])
    assert compressor.compress(0.0, lambda: next(asked)) == 1


def test_a_busy_hour_is_never_held_in_memory_as_a_whole(
    tmp_path: Path, compressor: Compressor
) -> None:
    raw = keep(tmp_path, *PICTURES["gray"])
    for number in range(20_000):
        (raw.parent / f"{number}_20260102T030000000000Z-top.map.png").touch()
    compressor.compress(600.0, lambda: True)
    tracemalloc.start()
    try:
        compressor.compress(600.0, lambda: True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_it_stops_when_there_is_something_better_to_do(
    tmp_path: Path, compressor: Compressor
) -> None:
    raw = keep(tmp_path, *PICTURES["gray"])
    assert compressor.compress(600.0, lambda: False) == 0
    assert raw.exists()


def test_a_damaged_frame_stays_as_it_is(tmp_path: Path, compressor: Compressor) -> None:
    raw = keep(tmp_path, *PICTURES["gray"])
    damaged = raw.read_bytes()[:-1] + b"\x99"
    raw.write_bytes(damaged)
    os.utime(raw, (time.time() - 7200,) * 2)
    assert compressor.compress(600.0, lambda: True) == 0
    assert raw.read_bytes() == damaged
    assert not raw.with_suffix(".png").exists()


def test_an_hour_that_is_done_is_not_looked_at_again(
    tmp_path: Path, compressor: Compressor
) -> None:
    raw = keep(tmp_path, *PICTURES["gray"])
    compressor.compress(600.0, lambda: True)
    then = time.time() - 7200
    os.utime(raw.parent, (then, then))
    compressor.compress(600.0, lambda: True)
    late = keep(tmp_path, *PICTURES["gray"])
    assert compressor.compress(600.0, lambda: True) == 0
    assert late.exists()


def test_a_frame_that_came_back_with_foreign_content_never_replaces_the_picture(
    tmp_path: Path, compressor: Compressor
) -> None:
    """As ext4 with data=writeback does after a power cut."""
    raw = keep(tmp_path, *PICTURES["gray"])
    assert compressor.compress(600.0, lambda: True) == 1
    png = raw.with_suffix(".png").read_bytes()
    foreign = np.zeros((48, 64), np.uint8)
    (raw.parent / ".compressed").unlink()
    keep(tmp_path, foreign, 8)
    assert compressor.compress(600.0, lambda: True) == 0
    assert raw.exists()
    assert raw.with_suffix(".png").read_bytes() == png


def test_a_frame_beside_its_own_picture_goes(tmp_path: Path, compressor: Compressor) -> None:
    """As a crash between the two leaves them."""
    raw = keep(tmp_path, *PICTURES["gray"])
    assert compressor.compress(600.0, lambda: True) == 1
    (raw.parent / ".compressed").unlink()
    keep(tmp_path, *PICTURES["gray"])
    assert compressor.compress(600.0, lambda: True) == 1
    assert not raw.exists()
