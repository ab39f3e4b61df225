"""`qc-edge model shadow`: what the log says of both models, while the station runs and
afterwards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Label
from qc_edge.errors import QcEdgeError, UsageError
from qc_edge.query import views
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.bench import generate
from tests.cli.runner import invoke, run
from tests.station.harness import BAD, GOOD, NAME, make_station, running
from tests.station.test_shadow import Shadowed, feed

LEVELS = (GOOD, BAD, 120, 140, GOOD, BAD)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """Six parts that the line scored by their corner and the shadow a little higher; two are
    labelled.
    """
    made = Shadowed(tmp_path_factory.mktemp("past"), lambda frame: int(frame[0, 4, 4]) / 255 + 0.05)
    with running(made.paths, made.dependencies) as station:
        feed(made.paths, LEVELS)
        station.wait_until_inspected(len(LEVELS))
        station.wait_for(
            lambda: station.status.shadow and station.status.shadow.scored == len(LEVELS), "scored"
        )
    label(made.paths, {"top-1": "good", "top-3": "defect"})
    generate.publish(made.paths)
    return made.paths


def label(paths: StationPaths, said: dict[str, str]) -> None:
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    with ledger.snapshot() as log:
        found = dict(log.execute("SELECT part_id, frame_id FROM inspections").fetchall())
    ledger.commit(
        [
            Label(
                FrameId(f"2999010{number}T000000000000Z-labels"),
                utc_now(),
                NAME,
                FrameId(found[part]),
                part,
                word,
                None,
                "anna",
                None,
            )
            for number, (part, word) in enumerate(said.items())
        ],
        utc_now(),
    )
    ledger.close()


def shadow(paths: StationPaths, *arguments: str | Path) -> Any:
    """With --json; what it said, or the fault that it raised."""
    result = invoke("model", "shadow", NAME, *arguments, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    return json.loads(result.stdout)


def test_published_files_and_database_say_the_same(past: StationPaths) -> None:
    said = shadow(past)
    assert said == shadow(past, "--database")
    assert (said["line"], said["shadow"]) == (["corner@1"], "corner@2")
    assert (said["judged"], said["scored"], said["failed"], said["dropped"]) == (6, 6, 0, 0)
    assert said["moves"]["mean"] == pytest.approx(0.05)


def test_flips_and_who_is_right_follow_from_scores_and_labels(past: StationPaths) -> None:
    said = shadow(past)
    # 120 / 255 is 0.47: the line says PASS, the shadow with 0.52 FAIL, and it is labelled a defect
    assert [(flip["part_id"], flip["verdict_a"], flip["verdict_b"]) for flip in said["flips"]] == [
        ("top-3", "PASS", "FAIL")
    ]
    assert said["verdicts"]["pass_to_fail"] == 1
    assert (said["verdicts"]["both_pass"], said["verdicts"]["both_fail"]) == (2, 3)
    assert said["verdicts"]["mcnemar_p"] == 1.0
    assert (said["rights"]["labelled"], said["rights"]["only_a"], said["rights"]["only_b"]) == (
        2,
        0,
        1,
    )


def test_the_view_for_qa_says_the_same(past: StationPaths) -> None:
    with duckdb.connect() as client:
        client.execute(views.script(past.published))
        (row,) = client.execute(
            "SELECT line_model, shadow_model, scored, agreed, pass_to_fail, fail_to_pass, failed, "
            "dropped, "
            "shadow_right, line_right FROM shadow_agreement"
        ).fetchall()
    assert row == ("corner@1", "corner@2", 6, 5, 1, 0, 0, 0, 1, 0)


def test_the_screen_and_the_picture_show_it(past: StationPaths, tmp_path: Path) -> None:
    plot, csv = tmp_path / "shadow.html", tmp_path / "both.csv"
    ran = run("model", "shadow", NAME, "--plot", plot, "--csv", csv, "--root", past.root)
    assert ran.returncode == 0, ran.stderr
    for words in (
        "corner@2",
        "McNemar's p",
        "right where the other is wrong",
        "6 of 6 parts that were judged meanwhile (100.0%)",
    ):
        assert words in ran.stdout
    assert plot.read_text().count("<circle") == 6
    assert len(csv.read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        (
            ("--model", "corner@9"),
            "the shadow corner@9 has scored none of the 6",
            "corner@2 \\(6 parts\\)",
        ),
        (("--from", "2030-01-01"), "no inspection fits", "the log holds"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "no time is between", "the beginning"),
        (("--camera", "left"), "no inspection fits", "top"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    past: StationPaths, arguments: tuple[str, ...], words: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        shadow(past, *arguments)
    assert hint.replace("\\", "") in refused.value.hint


def test_a_station_without_a_shadow_hears_how_to_start_one(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        feed(paths, (GOOD,))
        station.wait_until_inspected(1)
    with pytest.raises(UsageError, match="scored none of the 1") as refused:
        shadow(paths, "--database")
    assert '[shadow] bundle = "NAME@VERSION"' in refused.value.hint
