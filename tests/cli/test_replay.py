"""`qc-edge replay`: figures while the station runs, and a clear word where the question makes no
sense.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qc_edge.errors import (
    BusyError,
    ModelError,
    QcEdgeError,
    StationAbsentError,
    StoreError,
    UsageError,
)
from qc_edge.settings import StationPaths
from tests.bench import generate
from tests.cli.runner import invoke, run
from tests.station.harness import BAD, NAME, drop, inspect_all, make_station, part, running


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station with 600 generated parts; not to be changed."""
    paths = make_station(tmp_path_factory.mktemp("past"))
    generate.fill(paths, 600, 200)
    generate.publish(paths)
    return paths


def replay(paths: StationPaths, *arguments: str | Path) -> Any:
    """`qc-edge replay` with --json; what it said, or the fault that it raised."""
    result = invoke("replay", NAME, *arguments, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    return json.loads(result.stdout)


def test_a_running_station_can_be_asked(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        drop(paths, "good.png", part())
        drop(paths, "bad.png", part(BAD))
        station.wait_until_inspected(2)
        station.wait_for(lambda: published(paths) == 2, "both are published", 30)
        said = replay(paths, "--threshold", "0.1")
        with pytest.raises(BusyError, match="is running"):
            replay(paths, "--threshold", "0.1", "--database")
    assert said["verdicts"] == {
        "PASS": {"before": 1, "after": 0},
        "FAIL": {"before": 1, "after": 2},
        "INVALID": {"before": 0, "after": 0},
    }
    assert replay(paths, "--threshold", "0.1", "--database")["verdicts"] == said["verdicts"]


def published(paths: StationPaths) -> int:
    try:
        return int(replay(paths, "--threshold", "0.5")["inspections"])
    except UsageError:
        return 0


def test_published_files_and_database_say_the_same(past: StationPaths) -> None:
    question = (
        "--threshold",
        "0.3",
        "--cost-escape",
        "250",
        "--cost-overkill",
        "4",
        "--limit",
        "500",
    )
    said = replay(past, *question)
    assert said == replay(past, *question, "--database")
    assert len(said["flips"]) == said["pass_to_fail"] + said["fail_to_pass"]
    assert (
        said["cost"]["after"]
        == 250 * said["escapes"]["after"]["count"] + 4 * (said["overkill"]["after"]["count"])
    )
    assert said["notes"] == [
        "2 models judged these parts (reference@1, reference@2): --model takes one"
    ]


def test_the_screen_says_the_figures_and_what_comes_next(
    past: StationPaths, tmp_path: Path
) -> None:
    ran = run(
        "replay", NAME, "--threshold", "0.3", "--csv", tmp_path / "all.csv", "--root", past.root
    )
    assert ran.returncode == 0, ran.stderr
    for words in (
        "threshold 0.3 on 600 inspections",
        "thresholds then: 0.5 until 07:00, 0.45 until 08:00, 0.5 since (UTC)",
        "each of the 600 verdicts is as stored",
        f"qc-edge threshold {NAME} set 0.3",
    ):
        assert words in ran.stdout
    assert (tmp_path / "all.csv").read_text().startswith("frame_id,part_id,")


@pytest.mark.parametrize(
    ("arguments", "fault", "words", "hint"),
    [
        ((), UsageError, "needs something to replay with", "--threshold X"),
        (("--threshold", "half"), UsageError, "'half' is not a number", "0.42"),
        (("--threshold", "1.2"), UsageError, "1.2 is outside 0..1", ""),
        (("--threshold", "nan"), UsageError, "nan is outside 0..1", ""),
        (("--threshold", "0.4", "--from", "monday"), UsageError, "'monday' is no time", "UTC"),
        (
            ("--threshold", "0.4", "--from", "2025-01-07", "--to", "2025-01-06"),
            UsageError,
            "is not before --to",
            "",
        ),
        (
            ("--threshold", "0.4", "--from", "2030-01-01"),
            UsageError,
            "no inspection fits",
            "2025-01-06",
        ),
        (
            ("--threshold", "0.4", "--model", "reference@9"),
            UsageError,
            "no inspection fits",
            "reference@2",
        ),
        (("--threshold", "0.4", "--model", "reference"), UsageError, "is no NAME@VERSION", ""),
        (
            ("--threshold", "0.4", "--camera", "top"),
            UsageError,
            "no inspection fits",
            "left, right",
        ),
        (("--threshold", "0.4", "--cost-escape", "5"), UsageError, "both sides", "--cost-overkill"),
        (
            ("--threshold", "0.4", "--cost-escape", "-5", "--cost-overkill", "1"),
            UsageError,
            "costs are numbers",
            "",
        ),
        (("--threshold", "0.4", "--plot", "effect.gif"), UsageError, "its kind is unknown", ".svg"),
        (
            ("--threshold", "0.4", "--plot", "/nowhere/effect.svg"),
            StoreError,
            "is no directory",
            "",
        ),
        (("--threshold", "0.4", "--csv", "/proc/turned.csv"), StoreError, "cannot write", ""),
        (("--bundle", "corner@7"), ModelError, "there is no bundle 'corner@7'", "corner@1"),
    ],
)
@pytest.mark.parametrize("source", [(), ("--database",)])
def test_a_question_that_makes_no_sense_is_refused_with_a_hint(
    past: StationPaths,
    source: tuple[str, ...],
    arguments: tuple[str, ...],
    fault: type[QcEdgeError],
    words: str,
    hint: str,
) -> None:
    with pytest.raises(fault, match=words) as refused:
        replay(past, *arguments, *source)
    assert hint in refused.value.hint


def test_an_unknown_station_is_refused(past: StationPaths) -> None:
    ran = run("replay", "line7", "--threshold", "0.4", "--root", past.root)
    assert ran.returncode == StationAbsentError.exit_code
    assert "line7.toml" in ran.stderr


def test_a_station_that_has_published_nothing_says_so(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with pytest.raises(UsageError, match="nothing is published") as refused:
        replay(paths, "--threshold", "0.4")
    assert "--database" in refused.value.hint
    with pytest.raises(UsageError, match=r"there is no .*traceability\.duckdb"):
        replay(paths, "--threshold", "0.4", "--database")


def test_a_damaged_published_file_is_named(past: StationPaths, tmp_path: Path) -> None:
    paths = StationPaths(tmp_path / "copy", NAME)
    shutil.copytree(past.root, paths.root)
    damaged = min(paths.published.glob("inspections/*/*.parquet"))
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(StoreError, match=damaged.name) as refused:
        replay(paths, "--threshold", "0.4")
    assert "qc-edge verify" in refused.value.hint


def test_another_model_scores_the_stored_inputs(tmp_path: Path) -> None:
    paths = make_station(tmp_path, engine={"backend": "scripted"})
    for level in (30, 60, 230):
        drop(paths, f"{level}.png", part(level, seed=level))
    inspect_all(paths)
    plot, turned = tmp_path / "scatter.svg", tmp_path / "turned.csv"
    question = (
        "--bundle",
        "corner@1",
        "--database",
        "--threshold",
        "0.9",
        "--plot",
        plot,
        "--csv",
        turned,
    )
    said = replay(paths, *question)
    # The scripted twin of an engine says 0.02, 0.03, 0.05 of whatever it is shown.
    assert said["model"] == "corner@1"
    assert (said["inspections"], said["pass_to_fail"], said["fail_to_pass"]) == (3, 0, 1)
    assert said["flips"][0]["rescored"] in (0.02, 0.03, 0.05)
    assert "<circle" in plot.read_text()
    assert len(turned.read_text().splitlines()) == 2
    assert replay(paths, *question)["flips"] == said["flips"]
    ran = run("replay", NAME, "--bundle", "corner@1", "--database", "--root", tmp_path)
    assert "3 parts" not in ran.stdout
    assert "corner@1, threshold 0.5 → 0.5 on 3 inspections" in ran.stdout
    assert "scoring with corner@1" in ran.stderr
