"""Output lines of a camera: pylon's own emulator has their nodes, though no level at any plug."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qc_edge.camera import connect
from qc_edge.camera.basler import BaslerCamera
from qc_edge.camera.output_lines import OutputLines
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.judged import Note
from qc_edge.output.handshake.words import Fault
from qc_edge.output.health import LineHealth
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links import make_link as any_link
from qc_edge.output.links.digital.camera import CameraPins, HasLines, make_link
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings import CameraSettings
from qc_edge.settings.model import Settings
from qc_edge.settings.outside.outputs.camera_lines import CameraLineSettings
from tests.output.given import line_settings
from tests.output.parts import told_part
from tests.station.audit import read_log
from tests.station.harness import make_station, running, wait_for
from tests.station.twins import Plan, dependencies

ACCEPT, REJECT, HOLD = Disposition
GIVEN = {"name": "gate", "protocol": "camera", "camera": "top", "accept": "Line2"}


@dataclass
class Opened:
    """A camera that a capture has."""

    camera: BaslerCamera
    name: str = "top"
    is_tried: bool = True

    @property
    def lines(self) -> OutputLines:
        """Its own."""
        return self.camera.lines

    def level(self, output: str) -> bool:
        """Of a user output; nothing else asks meanwhile."""
        nodes = self.camera._camera.GetNodeMap()
        with self.camera.lines._lock:
            nodes.GetNode("UserOutputSelector").Value = output
            return bool(nodes.GetNode("UserOutputValue").Value)

    def is_off(self, output: str) -> bool:
        """The same the other way."""
        return not self.level(output)

    def line(self, name: str) -> tuple[str, str]:
        """How a line stands."""
        nodes = self.camera._camera.GetNodeMap()
        nodes.GetNode("LineSelector").Value = name
        return nodes.GetNode("LineMode").Value, nodes.GetNode("LineSource").Value


@pytest.fixture
def top() -> Iterator[Opened]:
    settings = {"name": "top", "backend": "emulated", "trigger": "software", "rate_hz": 10.0}
    camera = connect(CameraSettings.model_validate(settings))
    assert isinstance(camera, BaslerCamera)
    camera.open()
    yield Opened(camera)
    camera.close()


def settings(**more: Any) -> CameraLineSettings:
    """Of lines of the camera top."""
    found = line_settings({**GIVEN, **more})
    assert isinstance(found, CameraLineSettings)
    return found


def cameras(*found: HasLines) -> list[HasLines]:
    """What the process has."""
    return list(found)


def test_parts_are_pulses_and_a_stop_leaves_every_line_inactive(top: Opened) -> None:
    # Long: an ACCEPT is not given at all where its thread has no turn for as long as a pulse.
    given = settings(reject="Line3", ready="Line1", pulse_ms=2000.0, heartbeat_ms=50.0)
    link = make_link(given, lambda: cameras(top))
    notes: list[Note] = []
    output = LineOutput(given, 1000.0, link, "boot", notes.append)
    output.report(LineHealth(is_ready=True, faults=Fault(0)))
    stop = threading.Event()
    thread = threading.Thread(target=output.run, args=(Heartbeat("gate", 5.0), stop))
    thread.start()
    try:
        wait_for(lambda: top.level("UserOutput3"), "ready", 60)
        for number, (disposition, which) in enumerate(
            [(ACCEPT, "UserOutput1"), (REJECT, "UserOutput2"), (HOLD, "UserOutput2")], 1
        ):
            output.announce(told_part(number, disposition))
            wait_for(partial(top.level, which), "a pulse", 60)
            other = {"UserOutput1", "UserOutput2"} - {which}
            assert not top.level(other.pop())
            wait_for(partial(top.is_off, which), "its end", 60)
        wait_for(lambda: [str(note.kind) for note in notes].count("shown") == 3, "on record", 60)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert [top.line(name) for name in ("Line2", "Line3", "Line1")] == [
        ("Output", "UserOutput1"),
        ("Output", "UserOutput2"),
        ("Output", "UserOutput3"),
    ]
    assert not any(top.level(f"UserOutput{number}") for number in (1, 2, 3))


def test_a_camera_that_is_closed_leaves_them_inactive_and_one_that_comes_back_is_taken_again(
    top: Opened,
) -> None:
    pins = CameraPins(settings(ready="Line3"), lambda: cameras(top))
    pins.open()
    pins.set("accept", is_active=True)
    assert top.level("UserOutput1")
    put: list[tuple[str, bool]] = []
    before = top.lines._put

    def noted(line: str, *, is_active: bool) -> None:
        before(line, is_active=is_active)
        put.append((line, is_active))

    top.lines._put = noted  # type: ignore[method-assign]
    top.camera.close()
    assert put == [("Line2", False), ("Line3", False)]
    with pytest.raises(OutputError, match="closed or opened anew"):
        pins.check()
    top.camera.open()
    with pytest.raises(OutputError, match="closed or opened anew"):
        pins.check()
    with pytest.raises(OutputError, match="closed or opened anew"):
        pins.set("ready", is_active=True)
    pins.close()
    pins.open()
    pins.check()
    assert not top.level("UserOutput1")


def test_a_line_that_the_camera_does_not_have_is_said(top: Opened) -> None:
    link = make_link(settings(accept="Line9"), lambda: cameras(top))
    with pytest.raises(OutputError, match="Line9 refused; allowed: Line1, Line2, Line3"):
        link.open(lambda: None)


def test_a_line_that_cannot_be_inverted_is_never_taken_as_active_low(top: Opened) -> None:
    nodes = top.camera._camera.GetNodeMap()

    class WithoutInverter:
        def GetNode(self, name: str) -> Any:  # noqa: N802 (as the camera's driver has it)
            return nodes.GetNode("NoSuchNode" if name == "LineInverter" else name)

    top.lines.attach(WithoutInverter())
    CameraPins(settings(), lambda: cameras(top)).open()
    with pytest.raises(OutputError, match="active_low: LineInverter = True refused"):
        CameraPins(settings(active_low=True), lambda: cameras(top)).open()


def test_a_camera_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(OutputError, match="camera top is not there yet"):
        any_link(settings()).open(lambda: None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"camera": "side"}, r"camera 'side' is no Basler camera of this station \(top\)"),
        ({"accept": "Line1"}, "Line1 is where the camera is triggered"),
        ({"reject": "Line2"}, "need a line each"),
        ({"acknowledge": True}, "a digital line answers nothing"),
    ],
)
def test_lines_that_no_camera_of_the_station_has_are_refused(
    wrong: dict[str, Any], said: str
) -> None:
    camera = {"name": "top", "backend": "emulated", "trigger": "hardware"}
    given = {"station": {"name": "line1"}, "model": {"bundle": "a@1"}, "camera": [camera]}
    assert Settings.model_validate({**given, "output": [GIVEN]}).output
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({**given, "output": [{**GIVEN, **wrong}]})


def test_lines_of_a_camera_in_another_process_are_refused() -> None:
    camera = {"name": "top", "backend": "emulated"}
    station = {"name": "line1", "roles": ["inspect"]}
    given = {"station": station, "model": {"bundle": "a@1"}, "camera": [camera], "output": [GIVEN]}
    with pytest.raises(ValidationError, match="need both roles in one process, which has inspect"):
        Settings.model_validate(given)


def test_at_each_start_the_lines_wait_for_their_camera_and_are_not_lost(tmp_path: Path) -> None:
    camera = {"name": "top", "backend": "emulated", "trigger": "software", "rate_hz": 5.0}
    paths = make_station(tmp_path, camera, output=[{**GIVEN, "ready": "Line1"}])
    given = replace(dependencies(Plan()), connect_camera=connect)
    with running(paths, given) as run:
        run.wait_for_status(lambda s: s.outputs[0].words.triggers >= 2, "parts are told")
        assert run.status.outputs[0].trouble == ""
    log = read_log(paths)
    assert not log.events_of("output_lost")
    assert log.events_of("output_back")
