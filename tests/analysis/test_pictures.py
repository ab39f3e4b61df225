"""The pictures need nothing from outside, and show what the figures say."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import cv2
import pytest

from qc_edge.analysis.label_outcome import LabelOutcome
from qc_edge.analysis.output_files import OutputFiles
from qc_edge.analysis.plot_style import NEW_COLOUR, PASS_COLOUR
from qc_edge.analysis.replay.plot import plot_model_replay
from qc_edge.analysis.replay.replay import replay_threshold
from qc_edge.analysis.replay.request import ReplayRequest
from qc_edge.analysis.replay.scoring import RescoredPart
from qc_edge.analysis.replay.threshold_impact import ThresholdImpact
from qc_edge.analysis.statistics import Share
from qc_edge.domain.history import StoredInput, Totals
from qc_edge.errors import StoreError, UsageError
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths


def drawn(past: StationPaths, file: Path) -> Path:
    replay_threshold(past, ReplayRequest(threshold=0.42, outputs=OutputFiles(plot=file)))
    return file


def test_the_histogram_shows_both_thresholds_and_the_curve_both_points(
    past: StationPaths, tmp_path: Path
) -> None:
    file = drawn(past, tmp_path / "effect.svg")
    picture = ElementTree.parse(file)  # noqa: S314 - made a moment ago
    said = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    for words in ("stored 0.5", "new 0.42", "stored", "new"):
        assert words in said
    places = {
        float(each.get("x", "0")) for each in picture.iter("{http://www.w3.org/2000/svg}rect")
    }
    assert all(0 <= x <= float(picture.getroot().get("width", "0")) for x in places)
    assert file.stat().st_size < 200_000


def test_the_page_loads_nothing_from_elsewhere(past: StationPaths, tmp_path: Path) -> None:
    page = drawn(past, tmp_path / "effect.html").read_text()
    assert not re.search(r"(?:src|href)=\"(?!data:image/)|@import|url\(", page)
    for words in ("<svg", "Verdicts", "escapes, of defects", "PASS → FAIL"):
        assert words in page


def test_a_png_shows_the_same(past: StationPaths, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pixels = cv2.imread(str(drawn(past, tmp_path / "effect.png")))
    assert pixels is not None
    assert pixels.shape[1] > 1500


def test_a_png_without_matplotlib_says_what_to_do(
    past: StationPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="needs matplotlib") as fault:
        drawn(past, tmp_path / "effect.png")
    assert "qc-edge[plots]" in fault.value.hint


def test_another_kind_of_file_or_place_is_refused_before_the_work(
    past: StationPaths, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="its kind is unknown"):
        drawn(past, tmp_path / "effect.pdf")
    with pytest.raises(StoreError, match="is no directory"):
        drawn(past, tmp_path / "nowhere" / "effect.svg")


def test_the_scatter_shows_what_turns_in_another_colour() -> None:
    now = utc_now()
    pairs = [
        RescoredPart(StoredInput(str(n), str(n), now, "top", 0.2, 0.5, "PASS", "", ""), after)
        for n, after in enumerate((0.1, 0.3, 0.7))
    ]
    nothing = LabelOutcome(Share(0, 0), Share(0, 0))
    impact = ThresholdImpact(0.6, Totals(3, 0, 0, 1, 0, 0), (), nothing, nothing, None, ())
    svg = plot_model_replay("line1", "reference@2", pairs, impact).svg()
    assert len(re.findall(rf'<circle[^>]* fill="{PASS_COLOUR}"', svg)) == 2
    assert len(re.findall(rf'<circle[^>]* fill="{NEW_COLOUR}"', svg)) == 1
    assert "3 parts scored again, 1 verdicts turn" in svg
