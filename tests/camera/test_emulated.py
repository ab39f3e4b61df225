"""Basler's code path, run on pylon's own emulator: what is played, what is refused, what is lost."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_edge.camera import Camera, Exposure, FailedGrab, Pixels
from qc_edge.camera.nodes import Nodes
from qc_edge.errors import CameraError, CameraLostError
from tests.camera.conftest import Open, next_frame, next_one, write_all

pytestmark = pytest.mark.usefixtures("pylon")


def device(camera: Camera) -> Any:
    """pylon's own object behind an open camera, to make faults with."""
    return camera._camera  # type: ignore[attr-defined]


class TestPlaying:
    @pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".tif"])
    def test_frames_are_the_images_bit_for_bit_in_name_order_and_again(
        self, camera_of: Open, tmp_path: Path, pictures: list[Pixels], suffix: str
    ) -> None:
        camera = camera_of(backend="emulated", images=write_all(tmp_path / "images", pictures, suffix))
        info = camera.open()
        assert (info.width, info.height, info.pixel_format) == (128, 96, "Mono8")
        for number in range(6):
            frame = next_frame(camera)
            assert frame.frame_number == number
            assert np.array_equal(frame.pixels, pictures[number % 4])

    def test_one_file_is_played_for_ever(self, camera_of: Open, folder: Path, pictures: list[Pixels]) -> None:
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
        assert hashlib.sha256(frame.pixels.tobytes()).digest() == hashlib.sha256(picture.tobytes()).digest()

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
        assert [next_frame(camera).pixels.shape for _ in range(3)] == [(96, 128), (40, 60), (96, 128)]

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
    @pytest.mark.parametrize(("pixel_format", "bits"), [("Mono10", 10), ("Mono12", 12), ("Mono16", 16)])
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
    def test_colour_comes_in_rgb_order(self, camera_of: Open, tmp_path: Path, pixel_format: str) -> None:
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

    def test_an_unplugged_camera_is_lost_and_comes_back_on_open(self, camera_of: Open, folder: Path) -> None:
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
        camera = camera_of(backend="emulated", images=folder, trigger="software", grab_timeout_s=0.1)
        camera.open()
        device(camera).FirePnPCallback.Execute()
        with pytest.raises(CameraLostError):
            camera.trigger()
        camera.close()

    @pytest.mark.parametrize("kind", ["RuntimeException", "LogicalErrorException", "TimeoutException"])
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
    camera = connect(CameraSettings(name="top", backend="emulated", images=pathlib.Path({str(folder)!r})))
    camera.cycle = camera
    camera.open()
    camera.grab(1.0)
    del camera
    gc.collect()
"""
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr


class TestRefusals:
    def test_every_refused_setting_is_named_with_what_is_allowed(self, camera_of: Open, folder: Path) -> None:
        camera = camera_of(
            backend="emulated", images=folder, trigger="hardware", trigger_line="Line9",
            exposure_us=5e8, gain_db=48, roi=(4000, 0, 5000, 10), packet_size=12000,
        )  # fmt: skip
        with pytest.raises(CameraError) as refused:
            camera.open()
        said = refused.value.message
        assert "trigger_line: TriggerSource = Line9 refused; allowed: Software, Line1, Line2" in said
        assert "exposure_us: ExposureTime = 500000000 refused; allowed: 1 to 10000000" in said
        assert "roi: Width = 5000 refused; allowed: 1 to 4096 in steps of 1" in said
        assert "packet_size: GevSCPSPacketSize = 12000 refused; allowed: 220 to 9014" in said
        assert "gain_db" not in said
        assert refused.value.hint

    def test_a_whole_number_node_takes_a_whole_number_from_the_settings(
        self, camera_of: Open, folder: Path
    ) -> None:
        camera = camera_of(backend="emulated", images=folder)
        camera.open()
        nodes = Nodes(device(camera).GetNodeMap(), RuntimeError)
        nodes.put("gain_db", 200.0, "GainRaw")
        assert nodes.refused == []
        assert nodes.read("GainRaw") == 200

    def test_a_refused_camera_opens_with_better_settings(self, camera_of: Open, folder: Path) -> None:
        with pytest.raises(CameraError, match="exposure_us"):
            camera_of(backend="emulated", images=folder, serial="0815-0007", exposure_us=5e8).open()
        camera = camera_of(backend="emulated", images=folder, serial="0815-0007")
        assert camera.open().serial == "0815-0007"

    def test_hardware_trigger_is_armed_on_the_line_and_edge(self, camera_of: Open, folder: Path) -> None:
        camera = camera_of(
            backend="emulated", images=folder, trigger="hardware", trigger_line="Line2",
            trigger_edge="FallingEdge",
        )  # fmt: skip
        assert "trigger hardware, Line2 FallingEdge" in camera.open().detail
        node = device(camera)
        node.TriggerSelector.Value = "FrameStart"
        assert (node.TriggerMode.Value, node.TriggerSource.Value) == ("On", "Line2")
        assert node.TriggerActivation.Value == "FallingEdge"
        assert camera.grab(0.1) is None

    def test_an_emulated_camera_is_held_by_one_owner(self, camera_of: Open, folder: Path) -> None:
        first = camera_of(backend="emulated", images=folder, serial="0815-0003")
        first.open()
        second = camera_of(backend="emulated", images=folder, serial="0815-0003")
        with pytest.raises(CameraError, match="0815-0003 is held"):
            second.open()
        first.close()
        second.open()

    def test_a_serial_number_that_is_none_is_refused(self, camera_of: Open) -> None:
        with pytest.raises(CameraError, match="no emulated camera '123'"):
            camera_of(backend="emulated", serial="123").open()

    @pytest.mark.parametrize(("name", "said"), [("nowhere", "does not exist"), ("empty", "truth.csv")])
    def test_nothing_to_play_is_refused(self, camera_of: Open, tmp_path: Path, name: str, said: str) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty/truth.csv").write_text("")
        with pytest.raises(CameraError, match=said):
            camera_of(backend="emulated", images=tmp_path / name).open()


class TestRealDevices:
    """No Basler device stands here, so pylon's list of devices and its refusals are played."""

    class Listed:
        def __init__(self, serial: str, device_class: str = "BaslerGigE") -> None:
            self._serial, self._class = serial, device_class

        def GetSerialNumber(self) -> str:  # noqa: N802
            return self._serial

        def GetModelName(self) -> str:  # noqa: N802
            return "acA2440-35gm"

        def GetDeviceClass(self) -> str:  # noqa: N802
            return self._class

    def found(self, monkeypatch: pytest.MonkeyPatch, *serials: str, fault: str = "") -> None:
        """Let pylon find these cameras (and an emulated one) and refuse to open them with `fault`."""
        from pypylon import genicam

        listed = [self.Listed(serial) for serial in serials] + [self.Listed("0815-0000", "BaslerCamEmu")]

        class Factory:
            @staticmethod
            def GetInstance() -> type[Factory]:  # noqa: N802
                return Factory

            @staticmethod
            def EnumerateDevices() -> list[Any]:  # noqa: N802
                return listed

            @staticmethod
            def CreateDevice(_: object) -> None:  # noqa: N802
                raise genicam.RuntimeException(fault)

        monkeypatch.setattr("pypylon.pylon.TlFactory", Factory)

    def test_no_camera_found(self, camera_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found(monkeypatch)
        with pytest.raises(CameraError, match="no Basler camera found") as refused:
            camera_of(backend="basler").open()
        assert "power, cable" in refused.value.hint

    def test_another_serial_number_found(self, camera_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found(monkeypatch, "40012345")
        with pytest.raises(CameraError, match="no camera with serial number 4711 found") as refused:
            camera_of(backend="basler", serial="4711").open()
        assert "acA2440-35gm 40012345 (BaslerGigE)" in refused.value.message

    def test_several_found_and_none_chosen(self, camera_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found(monkeypatch, "40012345", "40012346")
        with pytest.raises(CameraError, match="2 cameras found and no `serial` set") as refused:
            camera_of(backend="basler").open()
        assert "40012345" in refused.value.message
        assert "40012346" in refused.value.message

    @pytest.mark.parametrize(
        "fault",
        [
            "Failed to open device. Error: 'Device is exclusively opened by another client.' : thrown",
            "Failed to open. The device is controlled by another application. (0xE1018006) : thrown",
        ],
    )
    def test_held_by_another_process(
        self, camera_of: Open, monkeypatch: pytest.MonkeyPatch, fault: str
    ) -> None:
        self.found(monkeypatch, "40012345", fault=fault)
        with pytest.raises(CameraError, match="held by another process") as refused:
            camera_of(backend="basler").open()
        assert " : " not in refused.value.message.split("process: ")[1]

    def test_anything_else_that_pylon_says_is_passed_on(
        self, camera_of: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.found(monkeypatch, "40012345", fault="Insufficient system resources : RuntimeException thrown")
        with pytest.raises(CameraError, match=r"cannot be opened: Insufficient system resources\n"):
            camera_of(backend="basler").open()


def test_without_pypylon_the_hint_says_what_to_install(
    camera_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "qc_edge.camera.basler", raising=False)
    monkeypatch.setitem(sys.modules, "pypylon", None)
    with pytest.raises(CameraError, match="pypylon cannot be loaded") as refused:
        camera_of(backend="emulated")
    assert "qc-edge[basler]" in refused.value.hint
