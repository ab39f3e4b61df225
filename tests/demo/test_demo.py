"""`qc-edge demo`, whole: the count closes, and every verdict is what the truth says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.demo.account import EXPECTED
from qc_edge.rendered import DefectKind, FrameFault
from tests.cli.runner import environment, run

SECONDS = 6


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the demo says, and its root; one run for all tests."""
    root = tmp_path_factory.mktemp("demo") / "here"
    ran = run("demo", "--seconds", str(SECONDS), "--json", "--root", root)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout), root


def test_the_count_closes(demo: tuple[dict[str, Any], Path]) -> None:
    said, _ = demo
    log = said["log"]
    assert said["closed"]
    assert said["camera"]["triggers"] == log["PASS"] + log["FAIL"] + log["INVALID"] + log["lost"]
    assert said["camera"]["triggers"] >= SECONDS * 2, "pylon's emulator is slower on a busy machine"
    assert said["faults"] == []
    assert said["spool"] == 0


def test_the_log_holds_what_was_said(demo: tuple[dict[str, Any], Path]) -> None:
    said, _ = demo
    with duckdb.connect(said["paths"]["log"], read_only=True) as log:
        counts = dict(
            log.execute("SELECT verdict, count(*) FROM inspections GROUP BY ALL").fetchall()
        )
    assert counts == {verdict: said["log"][verdict] for verdict in ("PASS", "FAIL", "INVALID")}


def test_every_spoilt_frame_is_refused_for_its_reason(demo: tuple[dict[str, Any], Path]) -> None:
    rows = {row["truth"]: row for row in demo[0]["confusion"]}
    for fault in FrameFault:
        row = rows[fault.value]
        assert row["seen"] > 0
        assert row["INVALID"] == row["seen"]
        assert set(row["reasons"]) <= {str(reason) for reason in EXPECTED[fault]}


def test_no_good_part_is_refused_by_a_gate(demo: tuple[dict[str, Any], Path]) -> None:
    [good] = [row for row in demo[0]["confusion"] if row["truth"] == "good"]
    assert good["INVALID"] == 0
    assert good["PASS"] >= 0.9 * good["seen"]


def test_no_defective_part_is_accepted(demo: tuple[dict[str, Any], Path]) -> None:
    rows = {row["truth"]: row for row in demo[0]["confusion"]}
    assert sum(rows[kind.value]["seen"] for kind in DefectKind if kind.value in rows) > 0
    assert all(rows[kind.value]["accepted"] == 0 for kind in DefectKind if kind.value in rows)


def test_one_answer_for_a_part_of_two_views(demo: tuple[dict[str, Any], Path]) -> None:
    said = demo[0]["changeover"]
    assert said["closed"]
    assert sum(said["dispositions"].values()) == len(said["parts"]) == 8
    alone = [part for part in said["parts"] if part["views"] == {"above": "PASS", "beside": "FAIL"}]
    assert [part["defective"] for part in alone] == [True, True]
    assert {part["disposition"] for part in alone} == {"REJECT"}


def test_a_changeover_lies_between_two_products(demo: tuple[dict[str, Any], Path]) -> None:
    said = demo[0]["changeover"]
    assert said["outcome"] == "in force"
    assert [part["recipe"] for part in said["parts"]] == ["flange-bright@1"] * 4 + [
        "flange-dark@1"
    ] * 4


def test_the_commands_to_try_next_work(demo: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    said, root = demo
    inspect, ask = said["next"][1], said["next"][2]
    assert "FAIL" in shell(inspect)
    assert "inspections" in ask
    assert "score_below_threshold" in shell(ask)
    assert "REJECT by the views" in shell(said["next"][3])
    assert "READY" not in shell(f"{sys.executable} -m qc_edge status demo --root {root}", 3)


def test_a_second_demo_takes_the_place_of_the_first(demo: tuple[dict[str, Any], Path]) -> None:
    said, root = demo
    ran = run("demo", "--seconds", "3", "--root", root)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the count closes" in ran.stdout
    assert "\x1b" not in ran.stdout
    assert Path(said["paths"]["log"]).is_file()


def shell(command: str, code: int = 0) -> str:
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment())  # noqa: S602
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout
