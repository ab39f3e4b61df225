"""What no line was told, and what it said too late: all of it is on record."""

from __future__ import annotations

from dataclasses import replace

from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import Note
from qc_edge.output.handshake.words import StateBit
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links.scripted import ScriptedLink
from qc_edge.settings.outside.outputs.scripted import ScriptedSettings
from tests.output.lines import RULES, Line
from tests.output.parts import told_part

REJECT = Disposition.REJECT


def test_a_late_confirmation_is_on_record_though_the_alarm_stays() -> None:
    line = Line(replace(RULES, confirm=frozenset({REJECT}), confirm_ns=2_000_000_000))
    line.write(trigger=1)
    line.wait(10)
    line.tell(1, REJECT)
    line.write(acknowledge=1)
    line.wait(2000)
    line.write(ejected=1)
    assert line.take_notes() == ["acknowledged", "unconfirmed", "ejected"]
    assert line.notes[-1].detail == "after its time was over"
    assert line.words.state & StateBit.ALARM


def test_triggers_that_a_reset_or_a_stop_ends_are_rows_and_counted() -> None:
    line = Line()
    line.write(trigger=1, part_id="SN-1")
    line.write(reset=2, trigger=0)
    line.wait(2000)
    line.write(trigger=7)
    line.machine.stop(line.now_ns, "the station stops")
    assert line.take_notes() == ["untold", "reset", "untold"]
    ended = [(note.sequence, note.line_part_id) for note in line.notes if note.sequence]
    assert ended == [(1, "SN-1"), (7, "SN-1")]
    assert line.words.lost == 2


def test_a_part_for_which_there_is_no_place_is_untold() -> None:
    settings = ScriptedSettings.model_validate({"name": "robot", "protocol": "scripted"})
    notes: list[Note] = []
    output = LineOutput(settings, 1000.0, ScriptedLink("robot"), "boot", notes.append)
    for number in range(257):
        output.announce(told_part(number, Disposition.ACCEPT))
    (note,) = notes
    assert (str(note.kind), note.detail) == ("untold", "256 parts before it wait")
    assert note.part
    assert note.part.part_id == "256"
