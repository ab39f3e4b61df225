"""A camera that is not there, is held by another, or does not take its settings: each said in
words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qc_edge.camera.nodes import Nodes
from qc_edge.errors import CameraError
from tests.camera.conftest import Open, device

pytestmark = pytest.mark.usefixtures("pylon")


class TestRefusals:
    def test_every_refused_setting_is_named_with_what_is_allowed(
        self, camera_of: Open, folder: Path
    ) -> None:
        camera = camera_of(
            backend="emulated",
            images=folder,
            trigger="hardware",
            trigger_line="Line9",
            exposure_us=5e8,
            gain_db=48,
            roi=(4000, 0, 5000, 10),
            packet_size=12000,
        )
        with pytest.raises(CameraError) as refused:
            camera.open()
        said = refused.value.message
        assert (
            "trigger_line: TriggerSource = Line9 refused; allowed: Software, Line1, Line2" in said
        )
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
        nodes.set("gain_db", 200.0, "GainRaw")
        assert nodes.refused == []
        assert nodes.read("GainRaw") == 200

    def test_a_refused_camera_opens_with_better_settings(
        self, camera_of: Open, folder: Path
    ) -> None:
        with pytest.raises(CameraError, match="exposure_us"):
            camera_of(backend="emulated", images=folder, serial="0815-0007", exposure_us=5e8).open()
        camera = camera_of(backend="emulated", images=folder, serial="0815-0007")
        assert camera.open().serial == "0815-0007"

    def test_hardware_trigger_is_armed_on_the_line_and_edge(
        self, camera_of: Open, folder: Path
    ) -> None:
        camera = camera_of(
            backend="emulated",
            images=folder,
            trigger="hardware",
            trigger_line="Line2",
            trigger_edge="FallingEdge",
        )
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

    @pytest.mark.parametrize(
        ("name", "said"), [("nowhere", "does not exist"), ("empty", "truth.csv")]
    )
    def test_nothing_to_play_is_refused(
        self, camera_of: Open, tmp_path: Path, name: str, said: str
    ) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty/truth.csv").write_text("")
        with pytest.raises(CameraError, match=said):
            camera_of(backend="emulated", images=tmp_path / name).open()


class TestRealDevices:
    """No Basler device stands here, so pylon's list of devices and its refusals are played."""

    class ListedBundle:
        def __init__(self, serial: str, device_class: str = "BaslerGigE") -> None:
            self._serial, self._class = serial, device_class

        def GetSerialNumber(self) -> str:  # noqa: N802
            return self._serial

        def GetModelName(self) -> str:  # noqa: N802
            return "acA2440-35gm"

        def GetDeviceClass(self) -> str:  # noqa: N802
            return self._class

    def found(self, monkeypatch: pytest.MonkeyPatch, *serials: str, fault: str = "") -> None:
        """Let pylon find these cameras (and an emulated one) and refuse to open them with
        `fault`.
        """
        from pypylon import genicam

        listed = [self.ListedBundle(serial) for serial in serials] + [
            self.ListedBundle("0815-0000", "BaslerCamEmu")
        ]

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

    def test_another_serial_number_found(
        self, camera_of: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.found(monkeypatch, "40012345")
        with pytest.raises(CameraError, match="no camera with serial number 4711 found") as refused:
            camera_of(backend="basler", serial="4711").open()
        assert "acA2440-35gm 40012345 (BaslerGigE)" in refused.value.message

    def test_several_found_and_none_chosen(
        self, camera_of: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.found(monkeypatch, "40012345", "40012346")
        with pytest.raises(CameraError, match="2 cameras found and no `serial` set") as refused:
            camera_of(backend="basler").open()
        assert "40012345" in refused.value.message
        assert "40012346" in refused.value.message

    @pytest.mark.parametrize(
        "fault",
        [
            (
                "Failed to open device. Error: 'Device is exclusively opened by another client.' : "
                "thrown"
            ),
            (
                "Failed to open. The device is controlled by another application. (0xE1018006) : "
                "thrown"
            ),
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
        self.found(
            monkeypatch, "40012345", fault="Insufficient system resources : RuntimeException thrown"
        )
        with pytest.raises(CameraError, match=r"cannot be opened: Insufficient system resources\n"):
            camera_of(backend="basler").open()
