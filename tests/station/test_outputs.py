"""A station with an output: the line's triggers, its parts, and what of that is on record."""

from __future__ import annotations

from typing import Any

import pytest

from qc_edge.audit.verify import verify
from qc_edge.output.handshake.reasons import REASON_NUMBERS
from qc_edge.output.handshake.words import StateBit, ToLine, accepts
from qc_edge.output.links.scripted import ScriptedLink
from qc_edge.settings import StationPaths
from tests.station.audit import Log, audit, read_log
from tests.station.harness import BAD, GOOD, Running, make_station, part, running, spool

OUTPUT = {
    "name": "plc",
    "protocol": "scripted",
    "deadline_ms": 2000.0,
    "stands_ms": 5000.0,
    "confirm": ["reject"],
    "confirm_s": 30.0,
}
STATE = {"station": {"name": "line1", "deadline_ms": 60_000.0}}


class AtTheLine:
    """The PLC's program, at the other end of the twin."""

    def __init__(self, run: Running) -> None:
        self.run = run
        self.link = ScriptedLink.made["plc"]
        self.beat = 0

    def say(self, **values: Any) -> None:
        """Write, with a heartbeat."""
        self.beat += 1
        self.link.write(heartbeat=self.beat, **values)

    def wait_for(self, fits: Any, what: str) -> ToLine:
        """The words, once they fit; the heart beats meanwhile."""

        def looked() -> Any:
            self.say()
            return fits(words := self.link.words) and words

        found: ToLine = self.run.wait_for(looked, what, every_s=0.05)
        return found

    def begin(self, reset: int = 1) -> None:
        """Reset, and wait for ready."""
        self.say(reset=reset, trigger=0)
        self.wait_for(lambda words: words.state & StateBit.READY, "ready for the line")

    def part(self, number: int, level: int | None) -> ToLine:
        """Trigger, expose, and the result."""
        self.say(trigger=number, part_id=f"SN-{number}", lot="L7")
        self.wait_for(lambda words: words.trigger_taken == number, "the trigger is taken")
        if level is not None:
            spool(self.run.station.paths, part(level, number), number)
        return self.wait_for(lambda words: words.commit == number, f"the result of {number}")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[StationPaths, list[ToLine], Log]:
    """Three parts and a trigger without one, then a start with a frame in the spool."""
    paths = make_station(tmp_path_factory.mktemp("line"), output=[OUTPUT])
    seen: list[ToLine] = []
    with running(paths) as run:
        line = AtTheLine(run)
        line.begin()
        for number, level in ((1, GOOD), (2, BAD), (3, GOOD), (4, None)):
            seen.append(line.part(number, level))
            line.say(acknowledge=number, ejected=number if level == BAD else 0)
            line.wait_for(lambda words: words.sequence == 0, "taken away")
        status = run.wait_for_status(lambda s: s.outputs and s.outputs[0].last, "the status")
        assert status.outputs[0].peers == ("a test",)
    spool(paths, part(GOOD, 9), 9)
    with running(paths) as run:
        run.wait_until_idle()
        line = AtTheLine(run)
        line.say(trigger=5)
        line.begin(reset=2)
        assert line.link.words.sequence == 0, "a part from before the start is told to nobody"
    return paths, seen, audit(paths)


def test_each_trigger_gets_the_disposition_of_its_part(told: Any) -> None:
    _, seen, _ = told
    assert [accepts(words, number) for number, words in enumerate(seen, 1)] == [
        *(True, False),
        *(True, False),
    ]
    assert [words.reason for words in seen] == [1, 2, 1, REASON_NUMBERS["no_verdict_in_time"]]


def test_everything_told_is_a_row_behind_the_row_of_its_part(told: Any) -> None:
    _, _, log = told
    rows = log.tables["told"]
    found = [(row["sequence"], row["disposition"], row["outcome"]) for row in rows]
    assert sorted(found, key=str) == sorted(
        [
            (1, "ACCEPT", "acknowledged"),
            (2, "REJECT", "acknowledged"),
            (2, "REJECT", "ejected"),
            (3, "ACCEPT", "acknowledged"),
            (4, "HOLD", "acknowledged"),
            (None, None, "untold"),
        ],
        key=str,
    )
    parts = {row["frame_id"]: row for row in log.inspections}
    for row in rows:
        if row["frame_id"] is None:
            continue
        assert row["chain_seq"] > parts[row["frame_id"]]["chain_seq"]
        if row["told_at"]:
            assert row["age_ms"] > 0
            assert row["line_part_id"] == f"SN-{row['sequence']}"
            assert row["told_at"] <= row["ended_at"] <= row["recorded_at"]


def test_the_log_says_when_the_line_was_there(told: Any) -> None:
    _, _, log = told
    kinds = [row["kind"] for row in log.tables["events"]]
    assert kinds.count("output_back") == kinds.count("line_reset") == 2
    assert "trigger_refused" in kinds


def test_verify_finds_a_message_without_its_row(told: Any) -> None:
    paths, _, _ = told
    assert "told_without_row" not in {each.kind for each in verify(paths).findings}
    import duckdb

    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE told SET disposition = 'ACCEPT' WHERE sequence = 4")
    assert "told_without_row" in {each.kind for each in verify(paths).findings}
    assert len(read_log(paths).tables["told"]) == 6
