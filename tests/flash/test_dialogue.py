"""What a person sees and answers at the installer's screen."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from qc_edge.errors import UsageError
from qc_edge.setup.flash.choice import FlashPlan
from qc_edge.terminal.box.flash_dialogue import ask_for_plan
from tests.flash.images import table
from tests.flash.test_choice import RECORDS, STICK, listed


def asked(*answers: str) -> tuple[FlashPlan | None, str]:
    """What is chosen by these answers, and all that the screen shows."""
    screen, left = StringIO(), list(answers)

    def answer(question: str) -> str:
        screen.write(question + "\n")
        return left.pop(0)

    console = Console(file=screen, width=120)
    try:
        plan = ask_for_plan(console, lambda: listed(STICK, RECORDS), table(), answer)
    except UsageError:
        plan = None
    assert not left
    return plan, screen.getvalue()


def test_the_disks_are_shown_and_the_stick_is_refused_in_words() -> None:
    plan, screen = asked("1", "q")
    assert plan is None
    assert "DataTraveler" in screen
    assert "qc-edge with its records" in screen
    assert screen.count("the installer runs from it") == 3


@pytest.mark.parametrize(("letter", "keep"), [("k", True), ("w", False)])
def test_records_are_asked_about_and_the_name_confirms(letter: str, keep: bool) -> None:
    plan, screen = asked("", "7", "2", letter, "nvme1n1")
    assert plan is not None
    assert (plan.disk.name, plan.keep) == ("nvme1n1", keep)
    assert ("keeps its records" in screen) == keep
    assert "Type nvme1n1 to do it" in screen


def test_no_answer_about_records_and_a_wrong_name_write_nothing() -> None:
    plan, screen = asked("2", "", "2", "w", "yes", "q")
    assert plan is None
    assert "say whether they are kept or wiped" in screen
    assert "nothing was written" in screen
