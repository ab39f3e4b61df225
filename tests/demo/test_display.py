"""What the demo shows fits the terminal it is shown on, and is plain where there is none."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from qc_edge.capture.state import CaptureState
from qc_edge.demo.announcements import Announcements
from qc_edge.demo.display import display_on, save_svg
from qc_edge.demo.screen import draw
from qc_edge.demo.view import Phase, View
from qc_edge.domain.parts.told import told_alone
from qc_edge.domain.verdict import Reason, Verdict
from qc_edge.vision import pnm
from tests.demo.rows import inspection


def view(state: Path, phase: Phase = Phase.RUNNING) -> View:
    """Some time into a demo, a FAIL shown last, its frame among the evidence."""
    (state / "evidence").mkdir(exist_ok=True)
    frame = np.tile(np.arange(128, dtype=np.uint8), (96, 1))
    (state / "evidence/raw.pgm").write_bytes(b"".join(pnm.encode(None, frame, 8)))
    announcements = Announcements()
    shown = [
        *(
            inspection(number, part_id=str(number), detail="score 0.1 is below threshold 0.5")
            for number in range(30)
        ),
        inspection(31, Verdict.INVALID, reason=Reason.TOO_DARK, score=None, detail="brightness 5"),
        inspection(
            32,
            Verdict.FAIL,
            part_id="32",
            detail="it is bad",
            raw_path="evidence/raw.pgm",
            map_path=None,
        ),
    ]
    for each in shown:
        announcements.announce(told_alone(each))
    camera = CaptureState(
        "top", connected=True, detail="Emulation 0815-0000", triggers=32, spooled=32
    )
    return View(phase, 4.0, 30.0, announcements.snapshot(), state, None, camera, spool=1)


def drawn(shown: View, width: int, height: int) -> list[str]:
    console = Console(
        width=width, height=height, file=StringIO(), force_terminal=True, color_system=None
    )
    with console.capture() as captured:
        console.print(draw(shown, width, height, colours=True), end="")
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (60, 20)])
def test_a_view_fills_the_terminal_and_no_more(tmp_path: Path, width: int, height: int) -> None:
    lines = drawn(view(tmp_path), width, height)
    assert len(lines) == height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_last_part_its_reason_and_the_counts_are_there(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    said = "\n".join(drawn(view(tmp_path), *size))
    for words in (
        "FAIL",
        "REJECT",
        "it is bad",
        "32 parts",
        "too_dark",
        "32 triggers",
        "0 lost",
        "26 s left",
    ):
        assert words in said
    assert len(re.findall(r"(?m)^ +\d+ +PASS +ACCEPT", said)) >= 6


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_can_be_shown(tmp_path: Path, phase: Phase) -> None:
    empty = View(phase, 0.0, 24.0, Announcements().snapshot(), tmp_path)
    assert len(drawn(empty, 80, 24)) == 24


def test_without_a_terminal_there_are_plain_lines(tmp_path: Path) -> None:
    file = StringIO()
    with display_on(Console(file=file)) as display:
        display.show(view(tmp_path, Phase.STARTING))
        display.show(view(tmp_path))
        display.show(view(tmp_path))
    assert file.getvalue().splitlines()[0] == "starting the station ..."
    assert file.getvalue().count("32 triggers") == 1
    assert "\x1b" not in file.getvalue()


def test_a_script_sees_nothing_but_the_result(tmp_path: Path) -> None:
    file = StringIO()
    with display_on(Console(file=file), silent=True) as display:
        display.show(view(tmp_path))
    assert file.getvalue() == ""


def test_the_saved_picture_loads_nothing(tmp_path: Path) -> None:
    save_svg(view(tmp_path), tmp_path / "demo.svg")
    svg = (tmp_path / "demo.svg").read_text(encoding="utf-8")
    assert "it&#160;is&#160;bad" in svg
    assert "@font-face" not in svg
    assert not re.search(r"(?:src|href)=\"http|url\(\"?http", svg)
