"""What the line was told on its way into the log."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.domain.events import EventKind
from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import Note, NoteKind
from qc_edge.output.told_log import ToldLog
from qc_edge.service.clock import FrameClock, utc_now
from tests.event_log import MemoryEventLog
from tests.output.lines import judged
from tests.store.rows import open_ledger


def test_the_database_takes_it_when_no_verdict_waits_and_before_a_day_is_sealed(
    tmp_path: Path,
) -> None:
    ledger = open_ledger(tmp_path)
    told = ToldLog("line1", ledger, MemoryEventLog(), FrameClock(tmp_path / "clock"))

    def write_one() -> int:
        told.keep("plc", Note(NoteKind.SHOWN, time.monotonic_ns(), 1, ""))
        told.look()
        return ledger.newest_seq("told")

    assert write_one() == 0, "it stands in the journal"
    told.look()
    assert ledger.newest_seq("told") == 1
    assert write_one() == 1
    ledger.close_days([(utc_now() - timedelta(days=1)).date()])
    assert ledger.newest_seq("told") == 2
    assert write_one() == 2
    told.finish()
    assert ledger.newest_seq("told") == 3
    ledger.close()


def test_what_no_row_could_keep_is_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qc_edge.output.told_log._MOST_WAITING", 3)
    ledger, events = open_ledger(tmp_path), MemoryEventLog()
    told = ToldLog("line1", ledger, events, FrameClock(tmp_path / "clock"))
    for number in range(1, 6):
        told.keep("plc", Note(NoteKind.SHOWN, time.monotonic_ns(), number, ""))
    told.finish()
    assert ledger.newest_seq("told") == 3
    assert [(each.kind, each.detail[:22]) for each in events.occurrences] == [
        (EventKind.TOLD_LOST, "2 messages have no row")
    ]
    ledger.close()


def test_what_a_killed_station_awaited_is_unconfirmed_once(tmp_path: Path) -> None:
    ledger, events = open_ledger(tmp_path), MemoryEventLog()

    def write(*kinds: tuple[int, NoteKind]) -> None:
        told = ToldLog("line1", ledger, events, FrameClock(tmp_path / "clock"))
        told.give_up("plc", ["REJECT"], 10.0)
        for number, kind in kinds:
            at_ns, part = time.monotonic_ns(), judged(number, Disposition.REJECT, None)
            how = (part, part.disposition, part.reason, at_ns)
            told.keep("plc", Note(kind, at_ns, number, "", *how))
        told.finish()

    write((1, NoteKind.EJECTED), (1, NoteKind.ACKNOWLEDGED), (2, NoteKind.ACKNOWLEDGED))
    assert not events.occurrences
    for _ in range(2):
        write()
    assert [(each.kind, each.detail[:16]) for each in events.occurrences] == [
        (EventKind.EJECTION_UNCONFIRMED, "plc: 2: part 2 R")
    ]
    ledger.close()
