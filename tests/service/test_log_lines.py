"""Lines of the log: text from outside makes none of its own, and moves no cursor."""

from __future__ import annotations

import pytest

from qc_edge.domain.printable import csv_cell, printable
from qc_edge.service.logs import LOG, log_line, start_logging


def test_a_name_makes_no_line_of_its_own_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    handlers, propagate = LOG.handlers[:], LOG.propagate
    try:
        start_logging("info", "line1")
        log_line(30, "cannot take x\n19:00:00 INFO    part 99 PASS ACCEPT\x1b[2J\r")
    finally:
        LOG.handlers[:], LOG.propagate = handlers, propagate
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("cannot take x")
    assert second == r"    19:00:00 INFO    part 99 PASS ACCEPT\x1b[2J\r"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("48213", "48213"),
        ("Grün 外观 [red]", "Grün 外观 [red]"),
        ("a\nb\tc\x1b[2J\x9b", r"a\nb\tc\x1b[2J\x9b"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b\N{ZERO WIDTH SPACE}", r"a\u202eb\u200b"),
        ("caf\udce9", r"caf\udce9"),
    ],
)
def test_what_a_terminal_obeys_or_nobody_sees_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_is_a_formula_in_a_spreadsheet(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["48213", "a=b", -1.5, None, 7])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert csv_cell(value) == value
