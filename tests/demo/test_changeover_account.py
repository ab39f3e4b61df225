"""The account of the demo's changeover: what was mixed up, lost or let through shows."""

from __future__ import annotations

from qc_edge.demo.changeover.account import ChangeoverAccount, make_account
from qc_edge.demo.changeover.station import ViewTruth
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Disposition, Verdict
from tests.demo.rows import gap, inspection, part

TRUTH = {
    "above-1": ViewTruth(1, "bright", "above", is_bad=False),
    "beside-1": ViewTruth(1, "bright", "beside", is_bad=True),
    "beside-2": ViewTruth(2, "dark", "beside", is_bad=False),
}


def seen(shows: str, verdict: Verdict = Verdict.PASS, recipe: str = "bright@1") -> Inspection:
    view = shows.partition("-")[0]
    return inspection(
        1, verdict, raw_sha256=shows, view=view, camera=view, recipe=recipe, attempt_id="a"
    )


def account(
    *rows: Inspection, told: Disposition = Disposition.REJECT, triggers: int = 1
) -> ChangeoverAccount:
    return make_account(rows, [part("a", told)], [], TRUTH, {"above": triggers, "beside": triggers})


def test_a_part_whose_second_view_alone_is_bad() -> None:
    settled = account(seen("above-1"), seen("beside-1", Verdict.FAIL))
    assert (settled.closed, settled.faults) == (True, ())
    [rejected] = settled.rejected_by_one_view
    assert rejected.verdicts == {"above": "PASS", "beside": "FAIL"}


def test_a_frame_that_went_by_the_other_recipe_is_a_fault() -> None:
    settled = account(seen("above-1", recipe="dark@1"), seen("beside-1", Verdict.FAIL))
    assert "was judged by bright@1, dark@1, and it is: bright" in settled.faults[0]


def test_views_of_two_parts_in_one_are_a_fault() -> None:
    assert "another part" in account(seen("above-1"), seen("beside-2")).faults[0]


def test_a_part_with_a_bad_view_that_is_accepted_is_a_fault() -> None:
    settled = account(seen("above-1"), seen("beside-1"), told=Disposition.ACCEPT)
    assert "has a defect in one view and was ACCEPTed" in settled.faults[0]


def test_a_camera_whose_trigger_has_no_row_leaves_the_count_open() -> None:
    settled = account(seen("above-1"), seen("beside-1", Verdict.FAIL), triggers=2)
    assert not settled.closed
    assert "above 2, beside 2 triggers, above 1, beside 1 in the log" in settled.faults[0]


def test_a_loss_with_its_row_closes_it_and_a_frame_of_no_part_does_not() -> None:
    rows = [seen("above-1"), seen("beside-1", Verdict.FAIL)]
    triggers = {"above": 1, "beside": 1, "top": 2}
    settled = make_account(rows, [part("a", Disposition.REJECT)], [gap(2)], TRUTH, triggers)
    assert settled.closed
    assert not make_account(rows, [], [gap(2)], TRUTH, triggers).closed
