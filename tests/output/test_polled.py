"""A controller whose memory the station reads and writes."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import (
    TO_LINE,
    FromLine,
    ToLine,
    accepts,
    decode_to_line,
    encode,
)
from qc_edge.output.links import Heard, make_link
from qc_edge.output.links.polled import PolledLink
from qc_edge.station.daemon import STOP_S
from tests.output.given import line_settings
from tests.output.ports import free_port
from tests.output.running import running
from tests.output.s7_controller import S7Controller
from tests.station.harness import wait_for

COMMIT = TO_LINE[-1].address


class Memory:
    """Words, and what stood there after each write; `answers` are read one after the other."""

    def __init__(self, *answers: FromLine) -> None:
        self.words = encode(ToLine())
        self.stood: list[ToLine] = []
        self.answers = [encode(each) for each in answers]

    def connect(self) -> None:
        """It is there."""

    def read(self) -> Sequence[int]:
        """The next answer; the last one again and again."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def write(self, first: int, words: Sequence[int]) -> None:
        """As a controller that takes the words one by one, with its program between any two."""
        for at, word in enumerate(words, first):
            self.words[at] = word
            self.stood.append(decode_to_line(self.words))

    def has(self, words: ToLine) -> bool:
        """What stands there now."""
        return self.words == encode(words)

    def close(self) -> None:
        """Nothing is open."""


def result(sequence: int, code: int) -> ToLine:
    """As the handshake shows it."""
    word = code << 12 | sequence
    return ToLine(
        sequence=sequence, verdict=word, complement=word ^ 0xFFFF, part_id="P", commit=sequence
    )


def test_whatever_its_program_reads_while_the_station_writes_accepts_no_other_part() -> None:
    memory = Memory(FromLine())
    link = PolledLink(memory, "a test", 0.001)
    link.open(lambda: None)
    shown = [result(41, 0xA), result(42, 0x5), result(43, 0xA), ToLine(), result(44, 0x3)]
    for words in shown:
        link.show(words, None)
        wait_for(partial(memory.has, words), "written", 5, 0.001)
    link.close()
    assert memory.words == encode(ToLine()), "nothing is left there"
    for sequence in range(40, 46):
        seen = [words for words in memory.stood if accepts(words, sequence)]
        assert bool(seen) is (sequence in {41, 43})
        assert all(words.part_id == "P" for words in seen), "the commit came last"


def test_the_id_that_was_written_before_a_trigger_is_read_with_it() -> None:
    old, new = FromLine(part_id="SN-1", trigger=1), FromLine(part_id="SN-2", trigger=2)
    memory = Memory(old, old, replace(new, part_id="SN-1"), new)
    link = PolledLink(memory, "a test", 0.001)
    link.open(lambda: None)
    heard: list[Heard] = []

    def both() -> bool:
        heard.extend(link.heard())
        return len(heard) == 2

    wait_for(both, "two triggers", 5, 0.001)
    link.close()
    assert [each.words for each in heard] == [old, new]


def test_what_is_no_text_is_not_taken_and_is_said() -> None:
    memory = Memory(FromLine(part_id="SN-1"))
    memory.answers[0][6] = 0x0707
    link = PolledLink(memory, "a test", 0.001)
    link.open(lambda: None)
    wait_for(lambda: len(link.peers) == 2, "said", 5, 0.001)
    assert "part_id: expected printable ASCII" in link.peers[1]
    assert link.heard() == []
    link.close()


def test_a_controller_without_power_is_a_lost_wire_and_comes_back() -> None:
    with running("s7") as run:
        run.begin()
        run.peer.say(trigger=1)
        run.wait_for(lambda: run.peer.words().trigger_taken == 1, "taken")
        controller = run.server
        assert isinstance(controller, S7Controller)
        controller.stop()
        run.wait_for(lambda: "link_lost" in {str(note.kind) for note in run.notes}, "lost")
        run.tell(1, Disposition.ACCEPT)
        controller.start()
        run.wait_for(lambda: not run.output.status.trouble, "back")
        assert not accepts(run.peer.words(), 2)


@pytest.mark.serial
def test_a_controller_that_keeps_silent_holds_neither_the_output_nor_a_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = {"connect": f"127.0.0.1:{silent.getsockname()[1]}", "block": 100}
        link = make_link(line_settings({"name": "plc", "protocol": "s7"} | at))
        begun_s = time.monotonic()
        with pytest.raises(OutputError, match="has not answered yet"):
            link.open(lambda: None)
        link.close()
        assert time.monotonic() - begun_s < STOP_S
        assert link.peers == ()


def test_a_controller_that_does_not_answer_is_said() -> None:
    at = {"connect": f"127.0.0.1:{free_port()}", "block": 100}
    link = make_link(line_settings({"name": "plc", "protocol": "s7"} | at))
    with pytest.raises(OutputError, match="does not answer"):
        link.open(lambda: None)
