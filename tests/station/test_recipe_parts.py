"""A recipe may bring rules for parts of its own: each part goes by those of its views' recipe."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from qc_edge.errors import QcEdgeError
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import BAD, GOOD, NAME, inspect_all, make_station, running
from tests.station.test_changeover import WHO, change_over, recipe
from tests.station.test_parts import parts_of, see, with_parts
from tests.station.twins import Plan, dependencies


def copied_if_there(source: str, target: str) -> None:
    """What publication replaces meanwhile is not there any more under its passing name."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)


def test_each_part_is_judged_by_the_rules_of_its_recipe_also_one_half_seen_before_a_crash(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path / "line")
    with_parts(paths, wait_ms=20_000.0)
    for number, name in enumerate(("strict", "lenient"), 1):
        recipe("new", name, "--number", str(number), "--product", name, *WHO, paths=paths)
    k_of_n = ("--set", "part.rule=k_of_n", "--set", "part.fail_at=2")
    gates = ("--set", "view.beside.gates.focus_min=0")
    recipe("edit", "lenient", *k_of_n, *gates, *WHO, paths=paths)
    for change, words in (
        ("part.fail_at=3", "[part] of its own: fail_at = 3, and there are only 2 views"),
        ("part.weights.left=2", "weights: no view is named left"),
    ):
        with pytest.raises(QcEdgeError) as fault:
            recipe("edit", "lenient", "--set", change, *WHO, paths=paths)
        assert words in fault.value.message
    for name in ("strict", "lenient"):
        recipe("approve", name, *WHO, paths=paths)
    shown = invoke("recipe", "show", NAME, "lenient", "--root", paths.root).stdout
    assert "[part]" in shown
    assert "fail_at = 2" in shown

    with running(paths, dependencies(Plan())) as run:
        assert change_over(paths, "strict") == "in force"
        see(paths, "a", "top", GOOD, 1)
        see(paths, "a", "side", BAD, 2)
        see(paths, "half", "top", GOOD, 3)
        run.wait_until_inspected(3)
        assert change_over(paths, "lenient") == "in force"
        see(paths, "b", "top", GOOD, 4)
        see(paths, "b", "side", BAD, 5)
        run.wait_until_inspected(5)
        run.wait_until_idle()
        # As after kill -9 at this moment: nothing is written while nothing comes.
        killed = StationPaths(tmp_path / "killed", NAME)
        shutil.copytree(paths.root, killed.root, copy_function=copied_if_there)

    inspect_all(killed, dependencies(Plan()))

    for station, half in ((paths, "view_missing"), (killed, "recovered")):
        log = audit(station)
        told = [parts_of(log, part_id)[0] for part_id in ("a", "b", "half")]
        assert [
            (row["disposition"], row["reason"], row["rule"], row["recipe"]) for row in told
        ] == [
            ("REJECT", "view_fails", "worst", "strict@1"),
            ("ACCEPT", "fewer_than_k_fail", "k_of_n 2", "lenient@2"),
            ("HOLD", half, "worst", "strict@1"),
        ]
        said = invoke("verify", NAME, "--root", station.root)
        assert said.exit_code == 0, said.output
