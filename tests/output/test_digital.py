"""Digital lines: a pulse for each part, and no pulse for one that is not accepted."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import gpiod
import pytest
from gpiod.line import Value

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.judged import Note
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import Fault, ToLine
from qc_edge.output.health import LineHealth
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links import make_link
from qc_edge.output.links.digital.pulses import Pulses
from qc_edge.service.heartbeat import Heartbeat
from tests.output.given import line_settings
from tests.output.parts import told_part
from tests.station.harness import wait_for

ACCEPT, REJECT, HOLD = Disposition
MS = 1_000_000
GIVEN = {"name": "lamp", "protocol": "gpio", "chip": "/dev/gpiochip0", "accept": 17, "reject": 27}


def active(pulses: Pulses, until_ms: int) -> dict[int, str]:
    """From which millisecond on which pulse was there; empty: none."""
    seen: dict[int, str] = {}
    before = ""
    for ms in range(until_ms):
        now = str(pulses.step(ms * MS) or "")
        if now != before:
            seen[ms] = before = now
    return seen


def test_a_pulse_begins_so_long_after_the_exposure_and_has_its_length() -> None:
    pulses = Pulses(50 * MS, 200 * MS)
    pulses.add(ACCEPT, 10 * MS, 60 * MS, 60 * MS)
    assert active(pulses, 400) == {210: "ACCEPT", 260: ""}


def test_an_accept_that_is_too_late_is_not_given_and_a_reject_is_at_once() -> None:
    pulses = Pulses(50 * MS, 200 * MS)
    pulses.add(ACCEPT, 10 * MS, 230 * MS, 230 * MS)
    assert active(pulses, 400) == {}
    assert pulses.missed == 1
    pulses.add(REJECT, 10 * MS, 300 * MS, 300 * MS)
    assert active(pulses, 400) == {300: "REJECT", 350: ""}


@pytest.mark.parametrize("second_ms", [30, 55])
def test_two_accepts_that_run_into_each_other_are_one_part(second_ms: int) -> None:
    pulses = Pulses(50 * MS, 0)
    pulses.add(ACCEPT, 0, 0, 0)
    pulses.step(0)
    pulses.add(ACCEPT, second_ms * MS, second_ms * MS, second_ms * MS)
    assert active(pulses, 200) == {0: "ACCEPT", 50: ""}
    assert pulses.missed == 1


def test_at_no_exact_time_of_exposure_only_what_is_not_accepted_is_told() -> None:
    pulses = Pulses(50 * MS, 200 * MS)
    pulses.add(ACCEPT, None, 10 * MS, 10 * MS)
    pulses.add(REJECT, None, 20 * MS, 20 * MS)
    assert active(pulses, 400) == {20: "REJECT", 70: ""}
    assert pulses.missed == 1


def test_without_a_delay_an_accept_is_given_at_once_or_not_at_all() -> None:
    pulses = Pulses(50 * MS, None)
    pulses.add(ACCEPT, None, 0, 50 * MS)
    pulses.add(ACCEPT, None, 100 * MS, 101 * MS)
    assert active(pulses, 400) == {101: "ACCEPT", 151: ""}
    assert pulses.missed == 1


def test_a_reject_ends_the_accept_before_it() -> None:
    pulses = Pulses(50 * MS, 0)
    pulses.add(ACCEPT, 0, 0, 0)
    pulses.add(REJECT, 20 * MS, 20 * MS, 20 * MS)
    assert active(pulses, 200) == {0: "ACCEPT", 20: "REJECT", 70: ""}


class Chip:
    """The twin of a chip: what gpiod is asked for, and every level with its time."""

    def __init__(self) -> None:
        self.levels: dict[int, Value] = {}
        self.changes: list[tuple[int, bool]] = []
        self.is_taken = False

    def request_lines(self, _chip: str, config: Any, consumer: str) -> Chip:
        """As gpiod's."""
        assert consumer == "qc-edge"
        if self.is_taken:
            raise OSError(16, "Device or resource busy")
        self.is_taken = True
        self.levels = {number: how.output_value for number, how in config.items()}
        return self

    def set_value(self, number: int, value: Value) -> None:
        """As a line request's."""
        if self.levels[number] is not value:
            self.changes.append((number, value is Value.ACTIVE))
        self.levels[number] = value

    def set_values(self, values: dict[int, Value]) -> None:
        """As a line request's."""
        for number, value in values.items():
            self.set_value(number, value)

    def has_changed(self, times: int) -> bool:
        """Whether levels changed so often."""
        return len(self.changes) == times

    def release(self) -> None:
        """As a line request's."""
        self.is_taken = False


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Chip:
    twin = Chip()
    monkeypatch.setattr(gpiod, "request_lines", twin.request_lines)
    return twin


def test_parts_are_pulses_and_a_stop_leaves_every_line_inactive(chip: Chip) -> None:
    # Long: an ACCEPT is not given at all where its thread has no turn for as long as a pulse.
    settings = line_settings(GIVEN | {"ready": 22, "pulse_ms": 1000.0, "heartbeat_ms": 50.0})
    notes: list[Note] = []
    output = LineOutput(settings, 1000.0, make_link(settings), "boot", notes.append)
    output.report(LineHealth(is_ready=True, faults=Fault(0)))
    stop = threading.Event()
    thread = threading.Thread(target=output.run, args=(Heartbeat("lamp", 5.0), stop))
    thread.start()
    try:
        wait_for(lambda: chip.levels.get(22) is Value.ACTIVE, "ready")
        begun = time.monotonic()
        for number, disposition in enumerate((ACCEPT, REJECT, HOLD), 1):
            output.announce(told_part(number, disposition))
            wait_for(partial(chip.has_changed, 1 + 2 * number), "a pulse", 5, 0.001)
        assert time.monotonic() - begun > 3.0
    finally:
        stop.set()
        thread.join(10)
    assert chip.changes[1:7] == [
        *((17, True), (17, False)),
        *((27, True), (27, False)),
        *((27, True), (27, False)),
    ]
    assert set(chip.levels.values()) == {Value.INACTIVE}
    assert not chip.is_taken
    assert [str(note.kind) for note in notes].count("shown") == 3


def test_what_was_shown_before_the_lines_were_taken_again_is_no_pulse(chip: Chip) -> None:
    link = make_link(line_settings(GIVEN | {"pulse_ms": 200.0}))
    link.open(lambda: None)
    link.show(ToLine(), None)
    link.close()
    for sequence in (1, 2):  # one while nobody drives the lines, one that stands at the opening
        link.show(ToLine(sequence=sequence), _accepted(sequence))
    link.open(lambda: None)
    link.show(ToLine(sequence=2), _accepted(2))
    link.show(ToLine(sequence=3), _accepted(3))
    wait_for(partial(chip.has_changed, 2), "the pulse of the third", 5, 0.001)
    link.close()
    assert chip.changes == [(17, True), (17, False)]
    assert link.peers == ("/dev/gpiochip0",)


def _accepted(sequence: int) -> Result:
    return Result(sequence, ACCEPT, "score_below_threshold", "", time.monotonic_ns())


def test_lines_that_somebody_else_has_are_said(chip: Chip) -> None:
    chip.is_taken = True
    with pytest.raises(OutputError, match=r"lines \[17, 27\] of /dev/gpiochip0 are not to be had"):
        make_link(line_settings(GIVEN)).open(lambda: None)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sequence": "line"}, "answers nothing"),
        ({"confirm": ["reject"]}, "answers nothing"),
        ({"peer_heartbeat_ms": 100.0}, "nobody answers"),
        ({"ready": 17}, "need a line each"),
    ],
)
def test_settings_that_ask_a_digital_line_for_an_answer_are_refused(
    more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        line_settings(GIVEN | more)
