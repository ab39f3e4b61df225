"""A replay over several thresholds holds each verdict against its own, and says so everywhere."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest

from qc_edge.analysis.replay.thresholds_then import describe_thresholds, thresholds_table
from qc_edge.domain.history import ThresholdSpan
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.cli.test_threshold import SET, change
from tests.export.conftest import paths, two_lots
from tests.station.harness import NAME, drop, inspect_all, make_station, part

__all__ = ["paths", "two_lots"]

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 11, 27, 6, tzinfo=timezone.utc)


def span(threshold: float, first_h: float, last_h: float) -> ThresholdSpan:
    """In force between these hours of the morning."""
    first, last = MORNING + timedelta(hours=first_h), MORNING + timedelta(hours=last_h)
    return ThresholdSpan(threshold, f"x:{threshold:g}", 10, first, last, 0, 0)


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([], ""),
        ([span(0.5, 0, 9)], ""),
        ([span(0.5, 0, 4), span(0.5, 4, 9)], ""),
        ([span(0.42, 0, 4.1), span(0.5, 4.2, 9)], "0.42 until 10:12, 0.5 since"),
        ([span(0.42, 0, 0.1), span(0.5, 0.2, 0.4)], "0.42 until 06:12:00, 0.5 since"),
        (
            [span(0.42, 0, 4), span(0.5, 26, 30)],
            "0.42 until 2026-11-28 08:00, 0.5 since",
        ),
        ([span(0.42, 0, 9), span(0.5, 4, 8)], "0.42 and 0.5 by turns"),
        (
            [span(0.1 * n, n, n + 0.5) for n in range(1, 7)],
            "6 from 0.1 to 0.6, 0.6 since 12:00",
        ),
    ],
)
def test_thresholds_are_told_in_their_order(spans: list[ThresholdSpan], words: str) -> None:
    assert describe_thresholds(spans) == words


def test_thresholds_are_told_in_the_time_of_the_station() -> None:
    spans = [span(0.42, 0, 4.1), span(0.5, 4.2, 17.5)]
    # Its last hour is the next day there, so the day is told as well.
    assert describe_thresholds(spans, BERLIN) == "0.42 until 2026-11-27 11:12, 0.5 since"
    headings, rows = thresholds_table(spans, BERLIN, with_flips=False)
    assert headings[1] == "first used (Europe/Berlin)"
    assert rows[0][1] == "2026-11-27 07:00:00"


@pytest.fixture
def two_thresholds(paths: StationPaths) -> StationPaths:
    """Five parts judged by 0.5, two more by 0.1."""
    change(paths, "set", "0.1", *SET)
    for name, level in (("C1", 120), ("C2", 10)):
        drop(paths, f"{name}.png", part(level, seed=level), {"part_id": name})
    inspect_all(paths)
    return paths


def replay(paths: StationPaths, *options: str | Path) -> str:
    result = invoke("replay", NAME, *options, "--root", paths.root)
    assert result.exit_code == 0, result.exception
    return result.stdout


def replayed(paths: StationPaths, *options: str | Path) -> Any:
    return json.loads(replay(paths, *options, "--json"))


def test_each_verdict_turns_from_its_own_threshold(two_thresholds: StationPaths) -> None:
    said = replayed(two_thresholds, "--threshold", "0.3")
    # A3 and C1 have the same score: by 0.5 it had passed, by 0.1 failed, by 0.3 it fails.
    assert {flip["part_id"] for flip in said["flips"]} == {"A3"}
    assert [each["threshold"] for each in said["thresholds_then"]] == [0.5, 0.1]
    assert [each["inspections"] for each in said["thresholds_then"]] == [5, 2]
    assert said["unexplained"] == 0


def test_title_table_and_plot_say_which_were_in_force(
    two_thresholds: StationPaths, tmp_path: Path
) -> None:
    said = replay(two_thresholds, "--threshold", "0.3", "--plot", tmp_path / "effect.svg")
    words = r"thresholds then: 0\.5 until [\d:]+, 0\.1 since \(UTC\)"
    assert re.search(words, said)
    assert "Thresholds then, each with its own verdicts" in said
    drawn = (tmp_path / "effect.svg").read_text()
    assert re.search(words, drawn)
    assert "stored 0.5" in drawn and "stored 0.1" in drawn and "new 0.3" in drawn


def test_replay_tells_the_times_of_the_station(
    two_thresholds: StationPaths, tmp_path: Path
) -> None:
    text = two_thresholds.settings.read_text()
    there = '[station]\ntime_zone = "Asia/Kolkata"\n'
    two_thresholds.settings.write_text(text.replace("[station]\n", there, 1))
    said = replay(two_thresholds, "--threshold", "0.3", "--plot", tmp_path / "effect.html")
    page = (tmp_path / "effect.html").read_text()
    assert re.search(r"0\.1 since \(Asia/Kolkata\)", said)
    assert "recorded (Asia/Kolkata)" in said and "(UTC)" not in said
    recorded = replayed(two_thresholds, "--threshold", "0.3")["flips"][0]["recorded_at"]
    local = datetime.fromisoformat(recorded).astimezone(ZoneInfo("Asia/Kolkata"))
    for shown in (said, page):
        assert f"{local:%Y-%m-%d %H:%M:%S}" in shown
    assert f"{local:%Y-%m-%d %H:%M:%S} (Asia/Kolkata)" in page


def test_one_threshold_needs_no_words(paths: StationPaths) -> None:
    said = replay(paths, "--threshold", "0.3")
    assert "threshold 0.5 → 0.3" in said and "hresholds then" not in said


def test_turned_parts_are_pictures_the_worst_first_and_linked_to_their_reports(
    paths: StationPaths, tmp_path: Path
) -> None:
    replay(paths, "--threshold", "0.1", "--plot", tmp_path / "effect.html")
    page = (tmp_path / "effect.html").read_text()
    # Good and would be rejected; nobody has looked; a defect that would be found at last.
    shown = re.findall(r'<figure><a href="([^"]+)"><img src="data:image/jpeg;.*? alt="(\w+)"', page)
    assert [name for _, name in shown] == ["B1", "A3", "A1"]
    for link, name in shown:
        assert f"<h1>Part {name}</h1>" in (tmp_path / unquote(link)).read_text()


def test_a_part_without_its_frame_is_shown_without_a_picture(
    paths: StationPaths, tmp_path: Path
) -> None:
    for frame in paths.evidence.rglob("A3_*.raw.*"):
        frame.unlink()
    replay(paths, "--threshold", "0.2", "--plot", tmp_path / "effect.html")
    page = (tmp_path / "effect.html").read_text()
    assert "its frame is not there any more" in page
    assert '<img src="data:' not in page


def test_costs_without_labels_say_why_there_are_none(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "near.png", part(120))
    inspect_all(paths)
    said = replayed(paths, "--threshold", "0.2", "--cost-escape", "250", "--cost-overkill", "4")
    assert said["cost"] is None
    assert "no costs: none of the 1 inspections is labelled" in said["notes"][0]


def test_costs_with_labels_of_both_kinds_are_told(paths: StationPaths) -> None:
    said = replayed(paths, "--threshold", "0.1", "--cost-escape", "250", "--cost-overkill", "4")
    assert said["cost"] == {"before": 250.0, "after": 4.0}
    assert said["notes"] == []
