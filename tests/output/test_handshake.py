"""The handshake, step by step: what the line reads after each thing that happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qc_edge.domain.parts.rules import PartReason
from qc_edge.domain.verdict import Disposition, HoldReason, Reason
from qc_edge.output.handshake.reasons import REASON_NUMBERS
from qc_edge.output.handshake.words import (
    FROM_LINE_WORDS,
    TO_LINE,
    TO_LINE_WORDS,
    Fault,
    FromLine,
    StateBit,
    ToLine,
    accepts,
    decode_from_line,
    decode_to_line,
    encode,
    is_newer,
)
from tests.output.lines import MS, RULES, Line

ACCEPT, REJECT, HOLD = Disposition


def test_the_result_of_a_trigger_echoes_its_number_and_goes_with_the_acknowledge() -> None:
    line = Line()
    line.write(trigger=41)
    assert line.words.trigger_taken == 41
    assert line.words.state & StateBit.BUSY
    line.wait(10)
    line.tell(1, ACCEPT, score=0.25)
    assert accepts(line.words, 41)
    assert not accepts(line.words, 42)
    assert (line.words.part_id, line.words.score, line.words.age_ms) == ("1", 2500, 5)
    line.write(acknowledge=41)
    assert (line.words.sequence, line.words.verdict, line.words.complement) == (0, 0, 0)
    assert not line.words.state & (StateBit.BUSY | StateBit.RESULT)
    assert line.take_notes() == ["acknowledged"]


@pytest.mark.parametrize("disposition", [REJECT, HOLD])
def test_no_other_disposition_looks_like_an_accept(disposition: Disposition) -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    line.tell(1, disposition)
    assert line.words.sequence == line.words.commit == 1
    assert not accepts(line.words, 1)


def test_without_a_verdict_in_time_the_part_is_held_for_good() -> None:
    line = Line()
    line.write(trigger=1)
    fired = line.now_ns
    line.wait(1000)
    assert (line.words.verdict >> 12, line.words.sequence) == (0x3, 1)
    line.write(acknowledge=1)
    line.machine.tell(replace(line.tell(9, ACCEPT), exposed_ns=fired + 5_000_000), line.now_ns)
    assert line.words.sequence == 0
    assert "untold" in line.take_notes()


def test_a_result_that_waited_past_its_deadline_is_held() -> None:
    line = Line(replace(RULES, stands_ns=900_000_000))
    line.write(trigger=1)
    line.wait(100)
    line.tell(1, ACCEPT)
    line.write(trigger=2)
    line.wait(110)
    line.tell(2, ACCEPT)
    assert accepts(line.words, 1), "2 waits: 1 is not acknowledged"
    line.wait(895)
    assert line.words.sequence == 2
    line = Line(replace(RULES, stands_ns=2_000_000_000))
    line.write(trigger=1)
    line.wait(100)
    line.tell(1, ACCEPT)
    line.write(trigger=2)
    line.wait(110)
    line.tell(2, ACCEPT)
    line.wait(1900)
    assert line.words.sequence == 2
    assert not accepts(line.words, 2)
    assert line.words.reason == REASON_NUMBERS[HoldReason.LATE]
    assert line.words.faults & Fault.LATE


def test_a_result_is_as_old_as_it_is_when_it_is_shown_not_when_the_line_wrote() -> None:
    line = Line(replace(RULES, stands_ns=2_000_000_000))
    line.write(trigger=1)
    line.wait(10)
    line.tell(1, ACCEPT)
    line.write(trigger=2)
    line.wait(10)
    line.tell(2, ACCEPT)
    # The output's thread gets no turn for more than the deadline.
    line.machine.hear(replace(line.written, acknowledge=1), line.now_ns)
    line.wait(1200)
    assert line.words.sequence == 2
    assert not accepts(line.words, 2)


def test_an_unacknowledged_result_does_not_stay() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    line.tell(1, ACCEPT)
    line.write(acknowledge=7)
    assert accepts(line.words, 1), "that was another one's acknowledge"
    line.wait(500)
    assert line.words.sequence == 0
    assert line.take_notes() == ["unacknowledged"]


def test_writing_the_same_again_means_nothing() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    line.tell(1, REJECT)
    line.write(acknowledge=1)
    before = line.words.triggers
    for _ in range(3):
        line.write()
        line.wait(1)
    assert line.words.triggers == before == 1
    assert line.words.state & StateBit.BUSY == 0


def test_a_trigger_that_goes_back_is_refused_and_one_that_jumps_is_noted() -> None:
    line = Line()
    line.write(trigger=10)
    line.write(trigger=9)
    assert line.words.trigger_taken == 10
    line.write(trigger=13)
    assert line.words.trigger_taken == 13
    assert line.take_notes() == ["trigger_refused", "triggers_missed"]


def test_numbers_go_on_after_the_last() -> None:
    line = Line()
    line.write(trigger=65535)
    line.wait(10)
    line.tell(1, ACCEPT)
    line.write(acknowledge=65535, trigger=1)
    line.wait(10)
    assert line.words.trigger_taken == 1
    line.tell(2, REJECT)
    assert line.words.sequence == 1
    assert line.take_notes() == ["acknowledged"]
    assert is_newer(1, 65535)
    assert not is_newer(65535, 1)


def test_after_a_start_the_line_resets_before_anything_is_ready() -> None:
    line = Line(is_reset=False)
    assert not line.ready()
    line.write(trigger=3)
    assert line.words.trigger_taken == 0
    line.write(reset=9, trigger=0)
    line.wait(10)
    assert line.words.reset_done == 9
    assert line.ready()
    assert line.take_notes() == ["trigger_refused", "reset"]


def test_a_reset_takes_the_result_away_and_what_was_under_way_is_never_told() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    late = line.tell(1, ACCEPT)
    line.write(trigger=2)
    line.wait(10)
    line.write(reset=2, trigger=0)
    assert line.words.sequence == 0
    line.wait(10)
    assert line.words.reset_done == 2, (
        "with exact times no frame of before can be taken for another"
    )
    line.machine.tell(replace(late, exposed_ns=line.now_ns - 5_000_000), line.now_ns)
    assert line.words.sequence == 0
    line.write(trigger=1)
    assert not accepts(line.words, 1)


def test_a_reset_waits_for_frames_whose_time_is_not_exact() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    line.write(reset=2, trigger=0)
    assert line.words.reset_done == 1
    line.wait(2000)
    assert line.words.reset_done == 2


def test_blanks_around_an_id_are_none_of_it() -> None:
    line = Line()
    line.write(trigger=1, part_id=" SN-1")
    line.wait(10)
    line.tell(1, ACCEPT, brought_id="SN-1")
    assert accepts(line.words, 1)


def test_another_id_than_the_line_gave_holds_the_part() -> None:
    line = Line()
    line.write(trigger=1, part_id="SN-1")
    line.wait(10)
    line.tell(1, ACCEPT, brought_id="SN-2")
    assert line.words.reason == REASON_NUMBERS["other_part_id"]
    assert not accepts(line.words, 1)


def test_a_reject_that_nobody_confirms_raises_the_alarm_until_a_reset() -> None:
    rules = replace(RULES, confirm=frozenset({REJECT}), confirm_ns=2_000_000_000)
    line = Line(rules)
    for number, confirmed in ((1, {"ejected": 1}), (2, {"passed": 2}), (3, {})):
        line.write(trigger=number)
        line.wait(10)
        line.tell(number, REJECT)
        line.write(acknowledge=number, **confirmed)
        assert bool(line.words.state & StateBit.ALARM) is (number > 1)
    line.wait(2000)
    assert line.take_notes() == [
        *("acknowledged", "ejected"),
        *("acknowledged", "passed"),
        *("acknowledged", "unconfirmed"),
    ]
    line.write(reset=2)
    assert not line.words.state & StateBit.ALARM


def test_ready_goes_with_the_line_s_heartbeat_and_with_the_faults_that_were_chosen() -> None:
    line = Line(replace(RULES, peer_ns=300_000_000, not_ready=Fault.PEER | Fault.DISK))
    assert not line.ready(), "it has not been heard yet"
    line.write(heartbeat=1)
    assert line.ready()
    line.wait(301)
    assert not line.ready()
    line.write(heartbeat=2)
    line.machine.report(is_ready=True, faults=Fault.CLOCK, recipe=3)
    assert line.ready()
    assert line.words.recipe == 3
    line.machine.report(is_ready=True, faults=Fault.DISK, recipe=3)
    assert not line.ready()
    assert line.take_notes() == ["peer_back", "peer_lost", "peer_back"]


def test_the_station_numbers_parts_itself_where_the_line_does_not() -> None:
    line = Line(replace(RULES, by_trigger=False, needs_acknowledge=False), is_reset=False)
    line.wait(20)
    assert line.ready()
    line.tell(1, ACCEPT)
    line.tell(2, REJECT)
    line.wait(99)
    assert accepts(line.words, 1), "the line has had no time to read it"
    line.wait(1)
    assert line.words.sequence == 2, "the next takes the place of the one before"
    assert [
        (note.kind, note.at_ns - (note.told_ns or 0)) for note in line.machine.take_notes()
    ] == [("shown", 100 * MS)]


@pytest.mark.parametrize("name", ["sequence", "verdict", "complement", "commit"])
def test_each_of_four_words_has_to_fit(name: str) -> None:
    line = Line()
    line.write(trigger=5)
    line.wait(10)
    line.tell(1, ACCEPT)
    words = line.words
    assert accepts(words, 5)
    for other in (0, 4, 6, getattr(words, name) ^ 1):
        assert not accepts(replace(words, **{name: other}), 5)


def test_the_heartbeat_goes_on() -> None:
    line = Line()
    seen = set()
    for _ in range(5):
        line.wait(100)
        seen.add(line.words.heartbeat)
    assert len(seen) == 5


def test_words_are_read_as_they_were_written() -> None:
    said = ToLine(
        session=7, triggers=70_000, sequence=9, part_id="SN-1", defect_class="pit", commit=9
    )
    assert decode_to_line(encode(said)) == said
    assert len(encode(said)) == TO_LINE_WORDS < 125, "one request reads them all"
    assert TO_LINE[-1].name == "commit"
    heard = FromLine(trigger=3, part_id="SN-1", lot="L7")
    assert decode_from_line(encode(heard)) == heard
    assert len(encode(heard)) == FROM_LINE_WORDS
    with pytest.raises(ValueError, match="part_id: expected printable ASCII"):
        decode_from_line([*encode(heard)[:6], 0x0A0A, *encode(heard)[7:]])


def test_every_reason_has_a_number_of_its_own() -> None:
    codes = {*map(str, Reason), *map(str, HoldReason), *map(str, PartReason)}
    assert codes <= set(map(str, REASON_NUMBERS))
    assert len(set(REASON_NUMBERS.values())) == len(REASON_NUMBERS)
