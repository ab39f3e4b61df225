"""What decides of a recipe, altered one by one: `verify` names each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qc_edge.audit.verify import verify
from qc_edge.settings import StationPaths
from tests.audit.test_tampered import edit, newest
from tests.station.harness import NAME, drop, make_station, part, running, write_bundle
from tests.station.test_changeover import by_version, change_over, write_recipe


@pytest.fixture(scope="module")
def changed_over(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station that has judged a part by a recipe, and refused another one."""
    paths = make_station(tmp_path_factory.mktemp("changed-over"))
    for version in ("2", "3"):
        write_bundle(paths.models / "corner" / version)
    write_recipe(paths, "bottle", 7, "corner@2")
    write_recipe(paths, "jar", 8, "corner@3")
    with running(paths, by_version(slow=["3"])) as run:
        assert change_over(paths, "bottle") == "in force"
        drop(paths, "a.png", part())
        run.wait_until_inspected(1)
        assert change_over(paths, "jar").startswith("refused")
    return paths


@pytest.fixture
def paths(changed_over: StationPaths, tmp_path: Path) -> StationPaths:
    """A copy to be altered."""
    shutil.copytree(changed_over.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)


def named(paths: StationPaths) -> set[str]:
    """Where the findings are."""
    return {each.where for each in verify(paths).findings}


def test_an_untouched_one_holds(paths: StationPaths) -> None:
    assert not verify(paths).findings


def test_a_recipe_that_was_edited_or_deleted(paths: StationPaths) -> None:
    for name in ("bottle", "jar"):
        edit(paths.recipes / name / "2.toml", lambda text: text.replace("0.5", "0.9"))
    assert {"recipes/bottle/2.toml", "recipes/jar/2.toml"} <= named(paths)
    (paths.recipes / "bottle/2.toml").unlink()
    assert "recipes/bottle/2.toml" in named(paths)


def test_a_changeover_or_an_approval_that_was_edited_or_deleted(paths: StationPaths) -> None:
    changeover, approval = min(paths.changeovers.glob("*.toml")), newest(paths.approvals)
    for file in (changeover, approval):
        edit(file, lambda text: text.replace("anna", "ben "))
    assert {f"changeovers/{changeover.name}", f"approvals/{approval.name}"} <= named(paths)
    changeover.unlink()
    assert f"changeovers/{changeover.name}" in named(paths)


def test_an_approval_of_a_recipe_that_judged_deleted(paths: StationPaths) -> None:
    min(paths.approvals.glob("*.toml")).unlink()
    (finding,) = verify(paths).findings
    assert "no approval of bottle@2 is there" in finding.what


@pytest.mark.parametrize("number", [0, 1])
def test_an_outcome_turned_round(paths: StationPaths, number: int) -> None:
    """That a changeover came into force, or was refused, is as the log says."""
    outcome = sorted(paths.changeovers.glob("*.json"))[number]
    text = outcome.read_text()
    turned = {"true": "false", "false": "true"}
    word = next(word for word in turned if word in text)
    edit(outcome, lambda text: text.replace(word, turned[word]))
    assert f"changeovers/{outcome.name}" in named(paths)


def test_an_outcome_deleted(paths: StationPaths) -> None:
    outcome = min(paths.changeovers.glob("*.json"))
    outcome.unlink()
    assert f"changeovers/{outcome.name}" in named(paths)
