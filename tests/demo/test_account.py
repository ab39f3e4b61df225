"""The demo's account: it closes only if every trigger has its row, and it says what went wrong."""

from __future__ import annotations

from qc_edge.demo.account import Account, make_account
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict
from qc_edge.rendered import DefectKind, FrameFault, Truth
from tests.demo.rows import gap, inspection

PARTS = [
    Truth("1.bmp", 1, "good", None, 0.0, None, "good"),
    Truth("2.bmp", 2, "defective", DefectKind.SCRATCH, 0.6, None, "scratch"),
    Truth("3.bmp", 3, "good", None, 0.0, FrameFault.DEFOCUSED, "defocused"),
]


def shown(number: int, part: str, verdict: Verdict, **values: object) -> Inspection:
    return inspection(number, verdict, raw_sha256=part, **values)


def as_it_should_be() -> list[Inspection]:
    return [
        shown(1, "good", Verdict.PASS),
        shown(2, "scratch", Verdict.FAIL),
        shown(3, "defocused", Verdict.INVALID),
    ]


def account(rows: list[Inspection], triggers: int | None = None) -> Account:
    return make_account(rows, [], PARTS, len(rows) if triggers is None else triggers)


def test_all_is_well() -> None:
    settled = account(as_it_should_be())
    assert settled.closed
    assert settled.faults == ()
    assert {row.kind: dict(row.verdicts) for row in settled.rows} == {
        "good": {"PASS": 1},
        "scratch": {"FAIL": 1},
        "defocused": {"INVALID": 1},
    }


def test_lost_frames_with_a_row_close_the_count() -> None:
    settled = make_account(as_it_should_be(), [gap(2), gap(1, "counter_gap")], PARTS, 6)
    assert settled.closed
    assert (settled.lost, settled.lost_why) == (3, {"failed_grab": 2, "counter_gap": 1})


def test_a_trigger_without_a_row_leaves_the_count_open() -> None:
    settled = account(as_it_should_be(), triggers=4)
    assert not settled.closed
    assert "4 triggers, 3 in the log" in settled.faults[0]


def test_a_row_too_many_leaves_the_count_open() -> None:
    assert not account(as_it_should_be(), triggers=2).closed


def test_a_frame_left_in_the_spool_leaves_the_count_open() -> None:
    assert not make_account(as_it_should_be(), [], PARTS, 3, waiting=1).closed


def test_an_escape_is_a_fault() -> None:
    settled = account([shown(1, "scratch", Verdict.PASS)])
    assert settled.faults == ("parts with the defect scratch that were ACCEPTed: 1",)


def test_a_defective_part_that_is_held_has_not_escaped() -> None:
    held = shown(
        1, "scratch", Verdict.PASS, disposition=Disposition.HOLD, hold_reason=HoldReason.LATE
    )
    assert account([held]).faults == ()


def test_a_spoilt_frame_that_is_judged_is_a_fault() -> None:
    assert "got past the gates" in account([shown(1, "defocused", Verdict.PASS)]).faults[0]


def test_a_spoilt_frame_that_is_refused_for_another_reason_is_a_fault() -> None:
    settled = account([shown(1, "defocused", Verdict.INVALID, reason=Reason.TOO_DARK)])
    assert "for another reason" in settled.faults[0]


def test_a_frame_that_shows_no_rendered_part_is_a_fault() -> None:
    assert "none of the rendered parts" in account([shown(1, "elsewhere", Verdict.PASS)]).faults[0]


def test_overkill_shows_but_is_no_fault() -> None:
    settled = account([shown(1, "good", Verdict.FAIL)])
    assert settled.faults == ()
    assert settled.kind("good").verdicts == {"FAIL": 1}
