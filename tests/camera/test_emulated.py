"""Basler's code path, run on pylon's own emulator: what is played, what is refused, what is
lost.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_edge.camera import Exposure, FailedGrab, Pixels
from qc_edge.errors import CameraLostError
from tests.camera.conftest import Open, device, next_frame, next_one, write_all

pytestmark = pytest.mark.usefixtures("pylon")


class TestPlaying:
    @pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".tif"])
    def test_frames_are_the_images_bit_for_bit_in_name_order_and_again(
        self, camera_of: Open, tmp_path: Path, pictures: list[Pixels], suffix: str
    ) -> None:
        camera = camera_of(
            backend="emulated", images=write_all(tmp_path / "images", pictures, suffix)
        )
        info = camera.open()
        assert (info.width, info.height, info.pixel_format) == (128, 96, "Mono8")
        for number in range(6):
            frame = next_frame(camera)
            assert frame.frame_number == number
            assert np.array_equal(frame.pixels, pictures[number % 4])

    def test_one_file_is_played_for_ever(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        camera = camera_of(backend="emulated", images=folder / "p2.png")
        camera.open()
        assert all(np.array_equal(next_frame(camera).pixels, pictures[2]) for _ in range(3))

    def test_the_order_is_that_of_bytes_not_of_numbers(
        self, camera_of: Open, tmp_path: Path, pictures: list[Pixels]
    ) -> None:
        for name, picture in zip(("a2", "a10", "B1", "c1"), pictures, strict=True):
            cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
        camera = camera_of(backend="emulated", images=tmp_path)
        camera.open()
        order = [2, 1, 0, 3]
        assert all(np.array_equal(next_frame(camera).pixels, pictures[index]) for index in order)

    def test_a_full_size_picture_keeps_its_digest(self, camera_of: Open, tmp_path: Path) -> None:
        picture = np.random.default_rng(3).integers(0, 256, (1024, 1280), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "part.png"), picture)
        camera = camera_of(backend="emulated", images=tmp_path, trigger="software")
        camera.open()
        camera.trigger()
        frame = next_frame(camera)
        assert (
            hashlib.sha256(frame.pixels.tobytes()).digest()
            == hashlib.sha256(picture.tobytes()).digest()
        )

    def test_exposure_and_gain_leave_played_pixels_alone(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        camera = camera_of(backend="emulated", images=folder, exposure_us=50_000, gain_db=12)
        camera.open()
        frame = next_frame(camera)
        assert np.array_equal(frame.pixels, pictures[0])
        assert frame.exposure_us == 50_000
        assert frame.gain_db == pytest.approx(12, abs=0.01)

    def test_a_region_is_cut_out_of_the_images(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        camera = camera_of(backend="emulated", images=folder, roi=(20, 10, 64, 32))
        info = camera.open()
        assert (info.width, info.height) == (64, 32)
        assert np.array_equal(next_frame(camera).pixels, pictures[0][10:42, 20:84])

    def test_a_larger_image_than_the_first_is_cut_a_smaller_one_comes_whole(
        self, camera_of: Open, tmp_path: Path
    ) -> None:
        for number, (height, width) in enumerate(((96, 128), (40, 60), (120, 200))):
            cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((height, width), 9, np.uint8))
        camera = camera_of(backend="emulated", images=tmp_path)
        camera.open()
        assert [next_frame(camera).pixels.shape for _ in range(3)] == [
            (96, 128),
            (40, 60),
            (96, 128),
        ]

    def test_each_trigger_shows_the_next_image(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        camera = camera_of(backend="emulated", images=folder, trigger="software")
        camera.open()
        for number in range(5):
            camera.trigger()
            assert np.array_equal(next_frame(camera).pixels, pictures[number % 4])

    def test_without_images_pylon_draws_its_test_image(self, camera_of: Open) -> None:
        camera = camera_of(backend="emulated", roi=(0, 0, 64, 48))
        camera.open()
        assert next_frame(camera).pixels.shape == (48, 64)


class TestPixelFormats:
    @pytest.mark.parametrize(
        ("pixel_format", "bits"), [("Mono10", 10), ("Mono12", 12), ("Mono16", 16)]
    )
    def test_more_than_eight_bits_come_unpacked_low_bits_first(
        self, camera_of: Open, tmp_path: Path, pixel_format: str, bits: int
    ) -> None:
        picture = np.random.default_rng(1).integers(0, 1 << 16, (96, 128), dtype=np.uint16)
        cv2.imwrite(str(tmp_path / "deep.png"), picture)
        camera = camera_of(backend="emulated", images=tmp_path, pixel_format=pixel_format)
        assert camera.open().pixel_format == pixel_format
        frame = next_frame(camera)
        assert frame.pixels.dtype == np.uint16
        assert np.array_equal(frame.pixels, picture >> (16 - bits))

    def test_eight_bits_in_twelve_are_shifted_up(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        camera = camera_of(backend="emulated", images=folder, pixel_format="Mono12")
        camera.open()
        frame = next_frame(camera)
        assert frame.pixel_format == "Mono12"
        assert np.array_equal(frame.pixels, pictures[0].astype(np.uint16) << 4)

    @pytest.mark.parametrize("pixel_format", ["RGB8", "BGR8"])
    def test_colour_comes_in_rgb_order(
        self, camera_of: Open, tmp_path: Path, pixel_format: str
    ) -> None:
        picture = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
        images = write_all(tmp_path / "colour", [picture])
        camera = camera_of(backend="emulated", images=images, pixel_format=pixel_format)
        assert camera.open().pixel_format == "RGB8"
        frame = next_frame(camera)
        assert frame.pixel_format == "RGB8"
        assert np.array_equal(frame.pixels, picture)
        assert frame.pixels.flags.c_contiguous

    def test_bayer_is_the_mosaic_of_a_colour_image(self, camera_of: Open, tmp_path: Path) -> None:
        picture = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
        images = write_all(tmp_path / "colour", [picture])
        camera = camera_of(backend="emulated", images=images, pixel_format="BayerRG8")
        assert camera.open().pixel_format == "BayerRG8"
        mosaic = next_frame(camera).pixels
        assert np.array_equal(mosaic[0::2, 0::2], picture[0::2, 0::2, 0])
        assert np.array_equal(mosaic[0::2, 1::2], picture[0::2, 1::2, 1])
        assert np.array_equal(mosaic[1::2, 1::2], picture[1::2, 1::2, 2])


class TestLosses:
    def test_failed_grabs_are_told_with_their_numbers_and_counting_goes_on(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        camera = camera_of(backend="emulated", images=folder, trigger="software")
        camera.open()
        device(camera).ForceFailedBufferCount.Value = 2
        got = []
        for number in range(5):
            if number == 1:
                device(camera).ForceFailedBuffer.Execute()
            camera.trigger()
            got.append(next_one(camera))
        assert [type(one) for one in got] == [Exposure, FailedGrab, FailedGrab, Exposure, Exposure]
        assert [one.frame_number for one in got] == [0, 1, 2, 3, 4]
        failed, after = got[1], got[3]
        assert isinstance(failed, FailedGrab)
        assert failed.reason == "The buffer was incompletely grabbed. (code 0x00000000)"
        assert isinstance(after, Exposure)
        assert np.array_equal(after.pixels, pictures[3])

    def test_an_unreadable_image_is_a_failed_grab(
        self, camera_of: Open, folder: Path, pictures: list[Pixels]
    ) -> None:
        torn = folder / "p1.png"
        torn.write_bytes(torn.read_bytes()[:2000])
        camera = camera_of(backend="emulated", images=folder)
        camera.open()
        first, failed, after = next_frame(camera), next_one(camera), next_frame(camera)
        assert isinstance(failed, FailedGrab)
        assert "Failed to load image file" in failed.reason
        assert [first.frame_number, failed.frame_number, after.frame_number] == [0, 1, 2]
        assert np.array_equal(after.pixels, pictures[2])

    def test_a_burst_that_nobody_takes_yet_is_not_lost(self, camera_of: Open, folder: Path) -> None:
        camera = camera_of(backend="emulated", images=folder, trigger="software")
        camera.open()
        for _ in range(40):
            camera.trigger()
        assert [next_frame(camera).frame_number for _ in range(40)] == list(range(40))

    def test_an_unplugged_camera_is_lost_and_comes_back_on_open(
        self, camera_of: Open, folder: Path
    ) -> None:
        camera = camera_of(backend="emulated", images=folder)
        before = camera.open()
        next_frame(camera)
        device(camera).FirePnPCallback.Execute()
        with pytest.raises(CameraLostError, match="unplugged"):
            for _ in range(100):
                camera.grab(0.5)
        camera.close()
        assert camera.open() == before
        assert next_frame(camera).frame_number == 0

    def test_a_trigger_on_an_unplugged_camera_says_that_it_is_lost(
        self, camera_of: Open, folder: Path
    ) -> None:
        camera = camera_of(
            backend="emulated", images=folder, trigger="software", grab_timeout_s=0.1
        )
        camera.open()
        device(camera).FirePnPCallback.Execute()
        with pytest.raises(CameraLostError):
            camera.trigger()
        camera.close()

    @pytest.mark.parametrize(
        "kind", ["RuntimeException", "LogicalErrorException", "TimeoutException"]
    )
    def test_whatever_pylon_throws_while_grabbing_means_lost(
        self, camera_of: Open, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        from pypylon import genicam

        class Broken:
            def RetrieveResult(self, *_: object) -> None:  # noqa: N802
                raise getattr(genicam, kind)("Control channel not open.")

        camera = camera_of(backend="emulated", images=folder)
        camera.open()
        with monkeypatch.context() as patch:
            patch.setattr(camera, "_camera", Broken())
            with pytest.raises(CameraLostError, match="Control channel not open"):
                camera.grab(0.1)

    def test_cameras_that_nobody_closed_do_not_end_the_process(self, folder: Path) -> None:
        program = f"""
import gc, pathlib
from qc_edge.camera import connect
from qc_edge.settings import CameraSettings
for _ in range(12):
    images = pathlib.Path({str(folder)!r})
    camera = connect(CameraSettings(name="top", backend="emulated", images=images))
    camera.cycle = camera
    camera.open()
    camera.grab(1.0)
    del camera
    gc.collect()
"""
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
        )
        assert ended.returncode == 0, ended.stderr
