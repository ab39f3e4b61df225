"""The camera that follows a script."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from qc_edge.camera import Exposure, FailedGrab
from qc_edge.camera.scripted import ScriptAct, ScriptedCamera, ScriptStep, ramp, script
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.settings import CameraSettings, Trigger


def test_a_script_is_read_letter_by_letter() -> None:
    assert script("3f x 2gfl") == [
        ScriptStep(ScriptAct.FRAME, 3),
        ScriptStep(ScriptAct.FAILED),
        ScriptStep(ScriptAct.GAP, 2),
        ScriptStep(ScriptAct.FRAME),
        ScriptStep(ScriptAct.LOST),
    ]


def test_another_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="expected letters"):
        script("fz")


def test_frames_failures_timeouts_and_gaps_come_as_written() -> None:
    camera = ScriptedCamera("2f x t 3g f")
    camera.open()
    got = [camera.grab(0.01) for _ in range(5)]
    assert [type(one) for one in got] == [Exposure, Exposure, FailedGrab, type(None), Exposure]
    assert [one.frame_number for one in got if one is not None] == [0, 1, 2, 6]
    assert camera.grab(0.001) is None


def test_a_lost_camera_goes_on_after_refusing_to_open_twice() -> None:
    camera = ScriptedCamera("f l 2o f")
    camera.open()
    assert isinstance(camera.grab(0.01), Exposure)
    with pytest.raises(CameraLostError):
        camera.grab(0.01)
    with pytest.raises(CameraLostError):
        camera.grab(0.01)
    for _ in range(2):
        with pytest.raises(CameraError):
            camera.open()
    camera.open()
    after = camera.grab(0.01)
    assert isinstance(after, Exposure)
    assert after.frame_number == 0


def test_frames_differ_and_can_be_given() -> None:
    camera = ScriptedCamera("2f", frame=lambda number: np.full((3, 5, 3), number, np.uint16))
    assert camera.open().pixel_format == "RGB16"
    for number in range(2):
        got = camera.grab(0.01)
        assert isinstance(got, Exposure)
        assert (got.pixels == number).all()
    assert not np.array_equal(ramp(0), ramp(1))


def test_a_hanging_grab_ends_with_close() -> None:
    camera = ScriptedCamera("h")
    camera.open()
    returned = threading.Event()

    def hang() -> None:
        camera.grab(0.001)
        returned.set()

    thread = threading.Thread(target=hang)
    thread.start()
    assert not returned.wait(0.05)
    camera.close()
    assert returned.wait(5)
    thread.join()


def test_a_triggered_camera_waits_for_its_trigger() -> None:
    settings = CameraSettings(name="top", backend="scripted", trigger=Trigger.SOFTWARE)
    camera = ScriptedCamera("fxf", settings=settings)
    camera.open()
    assert camera.grab(0.001) is None
    for kind in (Exposure, FailedGrab, Exposure):
        camera.trigger()
        assert isinstance(camera.grab(0.01), kind)
        assert camera.grab(0.001) is None


def test_a_repeating_script_keeps_its_rate() -> None:
    camera = ScriptedCamera("fx", repeat=True, rate_hz=200)
    camera.open()
    before = time.monotonic()
    assert all(camera.grab(1) is not None for _ in range(21))
    assert 0.099 < time.monotonic() - before < 5, "20 periods of 5 ms, and what the machine adds"


def test_gaps_alone_cannot_repeat() -> None:
    with pytest.raises(ValueError, match="more than gaps"):
        ScriptedCamera("2g", repeat=True)
