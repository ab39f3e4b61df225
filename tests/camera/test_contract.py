"""What every camera keeps to, whatever it is made of."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qc_edge.errors import CameraError
from qc_edge.settings import CameraSettings
from tests.camera.conftest import Open, next_frame


@pytest.fixture(params=["emulated", "folder", "scripted"])
def settings(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """A fast camera of each backend."""
    return {"backend": request.param, "images": folder, "rate_hz": 80}


class TestEveryCamera:
    def test_tells_what_it_is_and_delivers_what_it_told(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings)
        info = camera.open()
        frame = next_frame(camera)
        assert frame.pixels.shape == (info.height, info.width)
        assert frame.pixel_format == info.pixel_format == "Mono8"
        assert frame.pixels.dtype == np.uint8
        assert info.model
        assert info.serial

    def test_is_adjusted_between_two_frames_and_says_what_it_is_then(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings, exposure_us=1000.0, gain_db=1.0)
        before = camera.open()
        next_frame(camera)
        other = CameraSettings(
            name="top", **settings, exposure_us=2000.0, gain_db=3.0, roi=(8, 4, 32, 16)
        )
        info = camera.adjust(other)
        assert (info.width, info.height) == (32, 16) != (before.width, before.height)
        frame = next_frame(camera)
        assert frame.pixels.shape == (16, 32)
        assert frame.exposure_us == pytest.approx(2000, rel=0.01)
        assert frame.gain_db == pytest.approx(3, abs=0.1)

    def test_numbers_rise_by_one(self, camera_of: Open, settings: dict[str, Any]) -> None:
        camera = camera_of(**settings)
        camera.open()
        assert camera.counts_frames
        assert [next_frame(camera).frame_number for _ in range(8)] == list(range(8))

    def test_a_frame_belongs_to_whoever_took_it(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings)
        camera.open()
        first = next_frame(camera)
        kept = first.pixels.copy()
        others = [next_frame(camera).pixels for _ in range(8)]
        camera.close()
        assert np.array_equal(first.pixels, kept)
        first.pixels[:] = 0
        assert all(not np.shares_memory(first.pixels, other) for other in others)

    def test_the_time_of_arrival_is_monotonic(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings)
        before = time.monotonic_ns()
        camera.open()
        times = [before, *(next_frame(camera).monotonic_ns for _ in range(4)), time.monotonic_ns()]
        assert times == sorted(times)

    def test_no_frame_in_time_is_none_after_about_that_time(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings, trigger="software")
        camera.open()
        before = time.monotonic()
        assert camera.grab(0.05) is None
        assert 0.04 < time.monotonic() - before < 10

    def test_a_software_trigger_gives_exactly_one_frame(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings, trigger="software")
        camera.open()
        for number in range(4):
            camera.trigger()
            assert next_frame(camera).frame_number == number
        assert camera.grab(0.05) is None

    def test_triggers_before_the_first_grab_are_all_answered(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings, trigger="software")
        camera.open()
        for _ in range(5):
            camera.trigger()
        assert [next_frame(camera).frame_number for _ in range(5)] == list(range(5))

    def test_closing_twice_and_before_opening_is_harmless(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings)
        camera.close()
        camera.open()
        camera.close()
        camera.close()

    def test_a_closed_camera_opens_again_and_counts_from_the_start(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings)
        told = []
        for _ in range(2):
            told.append(camera.open())
            assert [next_frame(camera).frame_number for _ in range(3)] == [0, 1, 2]
            camera.close()
        assert told[0] == told[1]

    def test_a_camera_that_is_not_open_says_so(
        self, camera_of: Open, settings: dict[str, Any]
    ) -> None:
        camera = camera_of(**settings)
        with pytest.raises(CameraError, match="not open"):
            camera.grab(0.01)

    def test_two_cameras_play_side_by_side(self, camera_of: Open, settings: dict[str, Any]) -> None:
        left, right = camera_of(**settings), camera_of(**{**settings, "name": "right"})
        assert left.open().serial != right.open().serial
        for number in range(4):
            assert next_frame(left).frame_number == next_frame(right).frame_number == number
