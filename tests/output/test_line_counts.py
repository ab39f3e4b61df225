"""The line's own counts of parts held against what the log says it was told."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from qc_edge.domain.events import EventKind
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import StoreError
from qc_edge.output.handshake.judged import LineCounts, Note, NoteKind
from qc_edge.output.handshake.words import Fault, line_trouble
from qc_edge.output.told_log import ToldLog
from qc_edge.service.clock import FrameClock
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.event_log import StationEventLog
from qc_edge.store.spool import Spool
from tests.output.lines import Line
from tests.store.rows import open_ledger

ACCEPT, REJECT = Disposition.ACCEPT, Disposition.REJECT


def parts(line: Line, first: int, *dispositions: Disposition) -> None:
    """The line sends these parts, one after the other, and acknowledges each."""
    for number, disposition in enumerate(dispositions, first):
        line.write(trigger=number)
        line.wait(10)
        line.tell(number, disposition)
        line.write(acknowledge=number)


def test_counts_are_compared_once_no_part_is_under_way() -> None:
    line = Line()
    parts(line, 1, ACCEPT, REJECT)
    line.write(counted=2, counted_accepted=1, counted_ejected=1, closing=1, trigger=3)
    assert line.take_notes() == ["acknowledged", "acknowledged"]
    line.wait(10)
    line.tell(3, ACCEPT)
    line.write(acknowledge=3)
    assert line.take_notes() == ["acknowledged", "counted"]
    assert line.notes[-1].counts == LineCounts(2, 1, 1)
    line.wait(10)
    assert line.take_notes() == [], "once"


def test_each_number_is_closed_by_exactly_one_row() -> None:
    line = Line()
    parts(line, 1, ACCEPT)
    line.write(trigger=2)
    line.wait(1200)
    line.tell(2, ACCEPT)  # too late
    line.write(trigger=3)
    line.write(reset=2, trigger=0)
    line.wait(2500)
    line.take_notes()
    closed = [note.sequence for note in line.notes if note.closes]
    assert sorted(closed) == [1, 2, 3]


def test_what_stands_there_before_a_reset_is_no_closing() -> None:
    line = Line(is_reset=False)
    line.write(closing=7, counted=12)
    line.wait(10)
    assert "counted" not in line.take_notes()


@pytest.mark.parametrize(
    ("counts", "differs"),
    [
        (LineCounts(13, 11, 2), False),
        (LineCounts(14, 11, 3), True),
        (LineCounts(13, 12, 1), True),
        (LineCounts(3, 1, 2), False),
    ],
    ids=["fits", "a part more", "one more accepted", "began anew"],
)
def test_a_difference_is_a_gap_row_and_a_trouble(
    tmp_path: Path, counts: LineCounts, differs: bool
) -> None:
    ledger = open_ledger(tmp_path)
    clock = FrameClock(tmp_path / "clock")
    events = StationEventLog("line1", clock, Spool(StationPaths(tmp_path, "line1"), Disk()), ledger)
    told, said = ToldLog("line1", ledger, events, clock), []
    told.counting.tell = lambda output, differ: said.append((output, differ))
    line = Line()

    def keep() -> None:
        line.take_notes()
        for note in line.notes:
            told.keep("plc", note)
        line.notes.clear()

    def compare(given: LineCounts, number: int) -> None:
        note = Note(NoteKind.COUNTED, time.monotonic_ns(), number, "", counts=given)
        told.keep("plc", note)

    parts(line, 1, ACCEPT)
    keep()
    compare(LineCounts(10, 10, 0), 1)
    parts(line, 2, ACCEPT, REJECT)
    line.write(trigger=4)
    line.wait(1200)  # HOLD: its frame never came
    line.write(acknowledge=4)
    keep()
    compare(counts, 2)
    parts(line, 5, ACCEPT)  # comes after the comparison, and is not of it
    keep()
    told.finish()
    with ledger.snapshot() as log:
        kinds = log.execute(
            "SELECT kind, before FROM events WHERE kind LIKE 'line_count%' ORDER BY chain_seq"
        ).fetchall()
        gaps = log.execute("SELECT camera, reason, lost FROM gaps").fetchall()
    kind = EventKind.LINE_COUNT_DIFFERS if differs else EventKind.LINE_COUNTED
    assert kinds == [("line_counted", None), (str(kind), json.dumps([3, 1, 2]))]
    more = counts.parts - 13 if counts.parts > 10 else 0
    assert gaps == ([("plc", "line_count", more)] if differs else [])
    assert said == [("plc", differs)]
    said.clear()
    told.counting.restore("plc")
    assert said == [("plc", differs)], "a restart forgets no difference"
    line.machine.report_counts(differ=differs)
    assert bool(line.words.faults & Fault.COUNT) is differs
    assert ("its count of parts" in line_trouble(line.words)) is differs
    ledger.close()


def test_counts_wait_for_rows_that_the_database_does_not_take_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(tmp_path)
    clock = FrameClock(tmp_path / "clock")
    events = StationEventLog("line1", clock, Spool(StationPaths(tmp_path, "line1"), Disk()), ledger)
    told = ToldLog("line1", ledger, events, clock)
    line = Line()

    def compare(number: int, counts: LineCounts) -> None:
        told.keep("plc", Note(NoteKind.COUNTED, time.monotonic_ns(), number, "", counts=counts))

    compare(1, LineCounts(10, 10, 0))
    told.look()
    parts(line, 1, ACCEPT)
    line.take_notes()
    for note in line.notes:
        told.keep("plc", note)
    compare(2, LineCounts(11, 11, 0))

    def refuse() -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "apply", refuse)
        told.look()
    told.look()
    with ledger.snapshot() as log:
        kinds = log.execute(
            "SELECT kind FROM events WHERE kind LIKE 'line_c%' ORDER BY chain_seq"
        ).fetchall()
    assert kinds == [("line_counted",), ("line_counted",)]
    ledger.close()
