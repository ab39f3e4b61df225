"""The camera that plays image files: order, pace, what it makes of files."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_edge.camera import FailedGrab, Pixels
from qc_edge.errors import CameraError, CameraLostError
from tests.camera.conftest import Open, next_frame, next_one, write_all


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".pgm", ".PNG"])
def test_files_are_played_bit_for_bit_in_name_order_and_again(
    camera_of: Open, tmp_path: Path, pictures: list[Pixels], suffix: str
) -> None:
    images = write_all(tmp_path / "images", pictures, suffix)
    camera = camera_of(backend="folder", images=images, rate_hz=1000)
    camera.open()
    for number in range(6):
        frame = next_frame(camera)
        assert frame.frame_number == number
        assert np.array_equal(frame.pixels, pictures[number % 4])


def test_the_rate_holds_without_drift(camera_of: Open, folder: Path) -> None:
    camera = camera_of(backend="folder", images=folder, rate_hz=100)
    camera.open()
    times = np.array([next_frame(camera).monotonic_ns for _ in range(51)]) / 1e9
    assert times[-1] - times[0] > 0.49
    # what a busy machine delays comes late, and moves no later frame's due time
    assert np.median(np.diff(times)) < 0.014


def test_a_slow_consumer_loses_nothing_and_gets_no_rush(camera_of: Open, folder: Path) -> None:
    camera = camera_of(backend="folder", images=folder, rate_hz=50)
    camera.open()
    before = [next_frame(camera).frame_number for _ in range(3)]
    threading.Event().wait(0.3)
    after = [next_frame(camera) for _ in range(3)]
    assert [*before, *(frame.frame_number for frame in after)] == [0, 1, 2, 3, 4, 5]
    assert after[-1].monotonic_ns - after[0].monotonic_ns > 0.020e9


def test_no_frame_is_due_before_its_time(camera_of: Open, folder: Path) -> None:
    camera = camera_of(backend="folder", images=folder, rate_hz=2)
    camera.open()
    next_frame(camera)
    assert camera.grab(0.05) is None


def test_without_repeat_the_camera_is_lost_after_the_last_image(
    camera_of: Open, folder: Path
) -> None:
    camera = camera_of(backend="folder", images=folder, rate_hz=1000, repeat=False)
    camera.open()
    assert [next_frame(camera).frame_number for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(CameraLostError, match="shown all its images"):
        camera.grab(0.5)
    with pytest.raises(CameraLostError, match="shown all its images"):
        camera.open()


def test_a_file_that_cannot_be_read_is_a_failed_grab_and_the_next_is_played(
    camera_of: Open, folder: Path, pictures: list[Pixels]
) -> None:
    torn = folder / "p1.png"
    torn.write_bytes(torn.read_bytes()[:2000])
    (folder / "p2.png").unlink()
    camera = camera_of(backend="folder", images=folder, rate_hz=1000)
    (folder / "p2.png").symlink_to(folder / "p0.png")
    camera.open()
    (folder / "p2.png").unlink()
    next_frame(camera)
    torn_grab, gone_grab = next_one(camera), next_one(camera)
    assert isinstance(torn_grab, FailedGrab)
    assert torn_grab.reason.startswith("p1.png: torn_file")
    assert torn_grab.frame_number == 1
    assert gone_grab == FailedGrab("p2.png: No such file or directory", 2)
    assert np.array_equal(next_frame(camera).pixels, pictures[3])


@pytest.mark.parametrize(("name", "said"), [("nowhere", "does not exist"), ("empty", "no files")])
def test_nothing_to_play_is_refused(camera_of: Open, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CameraError, match=said):
        camera_of(backend="folder", images=tmp_path / name, rate_hz=10).open()


def test_files_of_which_none_can_be_read_are_refused_with_the_reason(
    camera_of: Open, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(
        CameraError, match=r"none of 1 images .* can be played: a\.png: not_an_image"
    ):
        camera_of(backend="folder", images=tmp_path, rate_hz=10).open()


def test_a_folder_has_no_trigger_input(camera_of: Open, folder: Path) -> None:
    with pytest.raises(CameraError, match="no trigger input"):
        camera_of(backend="folder", images=folder, rate_hz=10, trigger="hardware").open()


def test_colour_is_rgb_and_deep_gray_is_uint16(camera_of: Open, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    colour = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    deep = rng.integers(0, 1 << 16, (40, 60), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), colour[..., ::-1])
    cv2.imwrite(str(tmp_path / "b.png"), deep)
    camera = camera_of(backend="folder", images=tmp_path, rate_hz=1000)
    camera.open()
    first, second = next_frame(camera), next_frame(camera)
    assert first.pixel_format == "RGB8"
    assert np.array_equal(first.pixels, colour)
    assert second.pixel_format == "Mono16"
    assert np.array_equal(second.pixels, deep)


def test_gray_files_can_be_played_as_what_they_are_a_mosaic(
    camera_of: Open, folder: Path, pictures: list[Pixels]
) -> None:
    camera = camera_of(backend="folder", images=folder, rate_hz=1000, pixel_format="BayerRG8")
    assert camera.open().pixel_format == "BayerRG8"
    frame = next_frame(camera)
    assert frame.pixel_format == "BayerRG8"
    assert np.array_equal(frame.pixels, pictures[0])


def test_files_that_do_not_fit_the_pixel_format_are_refused(camera_of: Open, folder: Path) -> None:
    with pytest.raises(CameraError, match="is Mono8, cannot be played as Mono12"):
        camera_of(backend="folder", images=folder, rate_hz=10, pixel_format="Mono12").open()


def test_a_region_is_cut_out_and_one_beyond_the_image_is_refused(
    camera_of: Open, folder: Path, pictures: list[Pixels]
) -> None:
    camera = camera_of(backend="folder", images=folder, rate_hz=1000, roi=(8, 4, 100, 50))
    info = camera.open()
    assert (info.width, info.height) == (100, 50)
    assert np.array_equal(next_frame(camera).pixels, pictures[0][4:54, 8:108])
    with pytest.raises(CameraError, match="the roi does not fit"):
        camera_of(backend="folder", images=folder, rate_hz=10, roi=(100, 0, 100, 50)).open()
