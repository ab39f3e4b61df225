"""The report as a file: whole in itself, safe whatever stands in it, and on paper."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from rich.console import Console

from qc_edge.domain.verdict import Verdict
from qc_edge.errors import UsageError
from qc_edge.report.html import render_html
from qc_edge.report.json_values import to_json_values
from qc_edge.report.part_report import examine_part
from qc_edge.report.pdf import render_pdf
from qc_edge.report.pictures import DefectLocation, report_pictures
from qc_edge.report.terminal import print_part_report, score_bar
from qc_edge.settings import StationPaths
from tests.report.test_part_report import one


def rename(paths: StationPaths, part_id: str) -> None:
    frame = one(paths, Verdict.FAIL).frame_id
    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE inspections SET part_id = ? WHERE frame_id = ?", [part_id, frame])


def test_the_report_refers_to_nothing_outside_itself(paths: StationPaths) -> None:
    html = render_html(examine_part(paths, one(paths, Verdict.FAIL).part_id))
    targets = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", html)
    assert targets and all(
        target.startswith(("data:image/jpeg;base64,", "#")) for target in targets
    )
    assert "<script" not in html


def test_the_report_shows_frame_heat_closer_look_and_input(paths: StationPaths) -> None:
    shown = report_pictures(examine_part(paths, one(paths, Verdict.FAIL).part_id).last)
    assert [each.title for each in shown] == [
        "The frame",
        "Where the model looks",
        "A closer look",
        "What the model saw",
    ]


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_report(paths: StationPaths, verdict: Verdict) -> None:
    row = one(paths, verdict)
    html = render_html(examine_part(paths, row.part_id))
    assert str(row.frame_id) in html and f"Part {row.part_id}" in html
    if row.raw_sha256:
        assert row.raw_sha256 in html


def test_a_part_id_with_markup_stays_text(paths: StationPaths) -> None:
    nasty = "<img src=x onerror=alert(1)>&'\""
    rename(paths, nasty)
    html = render_html(examine_part(paths, nasty))
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_lost_evidence_is_said_in_large(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    (paths.state / str(row.raw_path)).unlink()
    html = render_html(examine_part(paths, row.part_id))
    assert "The frame cannot be shown as it was judged" in html
    assert "DOES NOT HOLD" in html


def test_the_pdf_is_one(paths: StationPaths) -> None:
    html = render_html(examine_part(paths, one(paths, Verdict.FAIL).part_id))
    try:
        made = render_pdf(html)
    except UsageError as missing:
        assert "libpango" in missing.hint
        pytest.skip("this machine has no Pango")
    assert made.startswith(b"%PDF-") and made.rstrip().endswith(b"%%EOF")


def test_a_pdf_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(UsageError, match="needs the package weasyprint") as told:
        render_pdf("<p>")
    assert "qc-edge[report]" in told.value.hint


def test_the_heat_lies_where_the_map_is_strong() -> None:
    gray = np.full((200, 300), 100, np.uint8)
    levels = np.zeros((64, 64), np.uint8)
    levels[16:24, 40:48] = 255
    location = DefectLocation(gray, levels, (100, 40, 128, 128), threshold=0.5)
    heat = location.heat()
    hot = np.argwhere(heat[..., 2].astype(int) - heat[..., 0] > 60)
    top, left = hot.min(axis=0)
    bottom, right = hot.max(axis=0)
    assert (abs(top - 72) <= 4, abs(left - 180) <= 4) == (True, True)
    assert (abs(bottom - 88) <= 4, abs(right - 196) <= 4) == (True, True)
    assert location.close().shape == (50, 75, 3)


@pytest.mark.parametrize(
    ("score", "threshold"), [(0.0, 0.0), (1.0, 0.5), (0.5, 1.0), (0.31, 0.5), (1.0, 1.0)]
)
def test_the_bar_shows_any_score(score: float, threshold: float) -> None:
    drawn = score_bar(score, threshold, 0.1).plain
    assert drawn.count("●") == 1
    assert drawn.index("●") == 4 + min(47, int(score * 48))


def test_the_terminal_says_it_all(paths: StationPaths) -> None:
    console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115
    print_part_report(console, examine_part(paths, one(paths, Verdict.FAIL).part_id))
    console.file.close()
    said = console.export_text()
    for words in (
        "REJECTED",
        "0.9020",
        "at least 80",
        "corner@1",
        "unchanged",
        "what happened around it",
    ):
        assert words in said


def test_the_values_are_json(paths: StationPaths, tmp_path: Path) -> None:
    told = to_json_values(examine_part(paths, one(paths, Verdict.FAIL).part_id))
    text = json.loads(json.dumps(told, default=str))
    (inspection,) = text["inspections"]
    assert (text["holds"], inspection["decided"], inspection["row"]["verdict"]) == (
        True,
        "REJECTED",
        "FAIL",
    )
    assert inspection["evidence"]["frame"]["match"] == "same"
