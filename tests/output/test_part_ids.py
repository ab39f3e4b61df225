"""The line's part id is the id of the frame of its trigger, and of no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_edge.domain.frame import ExposureSource, Frame, FrameId
from qc_edge.domain.parts.line_identity import LineIdentity
from qc_edge.output.handshake.identities import LineIdentities
from qc_edge.output.handshake.words import FromLine
from qc_edge.settings.outside.outputs import check_outputs
from tests.output.given import line_settings
from tests.output.lines import MS

SECOND = 1000 * MS
BEGIN = 1_000 * SECOND


def frame(number: int, exposed_ns: int, camera: str = "top", **more: object) -> Frame:
    """A frame that was exposed then, by the camera's own clock."""
    made = Frame(
        FrameId(f"20260101T000000{number:06d}Z-{camera}"),
        camera,
        datetime(2026, 1, 1, tzinfo=timezone.utc),
        True,
        monotonic_ns=exposed_ns,
        boot_id="boot",
        exposure_source=ExposureSource.CAMERA_CLOCK,
    )
    return replace(made, **more)  # type: ignore[arg-type]


class Given:
    """What the line gave, with the time in the test's hands."""

    def __init__(self) -> None:
        self.now_ns = BEGIN
        self.line = LineIdentities(0)

    def trigger(self, number: int, part_id: str, lot: str = "") -> None:
        """Heard now."""
        self.line.begin(FromLine(trigger=number, part_id=part_id, lot=lot), self.now_ns)

    def find(self, made: Frame) -> LineIdentity:
        """Asked now."""
        return self.line.find(made, "boot")

    def wait(self, ms: int) -> int:
        """So much later; the time then."""
        self.now_ns += ms * MS
        return self.now_ns


def test_frames_of_two_triggers_get_the_ids_of_their_own_in_whatever_order_they_come() -> None:
    given = Given()
    given.trigger(1, "SN-1", "L7")
    first = frame(1, given.wait(10))
    given.wait(40)
    given.trigger(2, "SN-2")
    second = frame(2, given.wait(10))
    given.wait(100)
    assert given.find(second) == LineIdentity("SN-2")
    assert given.find(first) == LineIdentity("SN-1", "L7")
    assert given.find(second) == LineIdentity("SN-2"), "the same each time"


def test_each_view_of_the_part_gets_its_id_and_a_second_frame_of_a_camera_does_not() -> None:
    given = Given()
    given.trigger(1, "SN-1")
    at = given.wait(10)
    assert given.find(frame(1, at)).part_id == given.find(frame(2, at, "side")).part_id == "SN-1"
    assert given.find(frame(3, at + MS)).doubt == "no trigger of the line is its own"


@pytest.mark.parametrize(
    "made",
    [
        frame(1, BEGIN - SECOND),
        frame(1, BEGIN + 50 * MS, boot_id="before"),
        frame(1, BEGIN, monotonic_ns=None),
        frame(1, BEGIN + 50 * MS, exposure_source=ExposureSource.ARRIVAL),
    ],
    ids=["before the trigger", "of another boot", "of another machine", "no exact time"],
)
def test_what_is_of_no_trigger_gets_no_id(made: Frame) -> None:
    given = Given()
    given.trigger(1, "SN-1")
    given.wait(100)
    assert given.find(made).part_id is None


def test_after_a_reset_nothing_is_of_the_trigger_before() -> None:
    given = Given()
    given.trigger(1, "SN-1")
    given.line.end(given.wait(10))
    assert given.find(frame(1, given.wait(10))).part_id is None


def test_a_trigger_without_an_id_says_so() -> None:
    given = Given()
    given.trigger(4, "  ", "L7")
    found = given.find(frame(1, given.wait(1)))
    assert found == LineIdentity(None, "L7", "the line gave no part_id with trigger 4")


@settings(max_examples=100, deadline=None)
@given(
    pauses=st.lists(st.integers(10, 400), min_size=1, max_size=12),
    exposed=st.lists(st.integers(3, 7), min_size=12, max_size=12),
    lost=st.sets(st.integers(0, 11)),
    order=st.randoms(use_true_random=False),
)
def test_no_frame_gets_the_id_of_another_part(
    pauses: list[int], exposed: list[int], lost: set[int], order: object
) -> None:
    given, frames = Given(), []
    for number, pause in enumerate(pauses):
        given.trigger(number + 1, f"SN-{number}")
        at = given.now_ns + exposed[number] * MS
        given.wait(pause)
        if number not in lost:
            frames.append((number, frame(number, at)))
    order.shuffle(frames)  # type: ignore[attr-defined]
    for number, made in frames:
        assert given.find(made).part_id == f"SN-{number}"


def test_ids_come_from_one_output_that_numbers_its_triggers() -> None:
    one = {"name": "plc", "protocol": "scripted", "part_ids": True, "frame_way_ms": 5}
    two = line_settings(one | {"name": "robot", "sequence": "station"})
    with pytest.raises(ValueError, match="one output: part_ids at plc, robot; part_ids needs"):
        check_outputs([line_settings(one), two])


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ({"protocol": "mqtt", "broker": "10.0.0.5:8883", "topic": "hall/line1"}, "hall/line1 at"),
        ({"protocol": "s7", "connect": "10.0.0.20:102", "block": 100}, "DB100 at 10.0.0.20:102"),
        ({"protocol": "gpio", "chip": "/dev/gpiochip0", "accept": 17}, "line 17 of /dev/gpiochip0"),
        ({"protocol": "ethernetip", "connect": "10.0.0.20:44818"}, "tag qcedge at 10.0.0.20:44818"),
        ({"protocol": "camera", "camera": "top", "accept": "Line2"}, "the lines of camera top"),
    ],
)
def test_two_outputs_never_talk_into_one_another(at: dict[str, Any], said: str) -> None:
    both = [line_settings({"name": name} | at) for name in ("plc", "robot")]
    with pytest.raises(ValueError, match=f"cannot have the same: {said}"):
        check_outputs(both)
