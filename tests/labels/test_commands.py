"""Labels, disputes and the queue as a person at a terminal has them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.labels.taking import Taking
from tests.rights.stations import STRANGER, USER, owned_station, run_as
from tests.station.harness import BAD, GOOD, NAME, NEAR, drop, make_station, part, running


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StationPaths]:
    """A station at rest that has inspected good-1, near-1 and bad-1."""
    made = make_station(
        tmp_path_factory.mktemp("labelled"),
        incoming={"part_id_pattern": r"(?P<part>[a-z]+-\d).*"},
        review={"audit_share": 0.0, "after_change": 0},
    )
    with running(made) as station:
        for name, level in (("good-1", GOOD), ("near-1", NEAR), ("bad-1", BAD)):
            drop(made, f"{name}.png", part(level, seed=level))
        station.wait_until_inspected(3)
    yield made


def told(*arguments: str | Path, root: Path) -> Any:
    """What the command prints as JSON."""
    ran = invoke(*arguments, "--root", root, "--json")
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return json.loads(ran.stdout)


def test_from_the_queue_to_a_label_and_into_a_file(paths: StationPaths, tmp_path: Path) -> None:
    root = paths.root
    item = told("review", NAME, "next", "--by", "anna", root=root)["item"]
    assert (item["part_id"], item["reasons"]) == ("near-1", ["near_threshold"])
    assert told("review", NAME, "next", "--by", "ben", root=root)["item"] is None, "claimed"
    said = ("--class", "pit", "--box", "1,2,30,40", "--why", "deep", "--role", "engineer")
    label = told("label", NAME, item["frame_id"], "defect", "--by", "anna", *said, root=root)
    assert (label["label"], label["taken_up"]) == ("defect", None)
    assert label["regions"] == [{"box": [1.0, 2.0, 30.0, 40.0]}]
    assert told("review", NAME, "list", root=root) == [], "what waits counts at once"
    told("dispute", NAME, "good-1", "--by", "olaf", "--why", "burr", root=root)
    taking = Taking(paths)
    taking.taker.look()
    taking.ledger.close()
    (row,) = told("labels", NAME, "list", root=root)
    assert (row["part_id"], row["who"], row["defect_class"]) == ("near-1", "anna", "pit")
    for kind in ("csv", "coco", "labelstudio"):
        file = tmp_path / f"{kind}.{'csv' if kind == 'csv' else 'json'}"
        told("labels", NAME, "export", file, "--format", kind, root=root)
        plan = told("labels", NAME, "import", file, "--dry-run", root=root)
        assert (plan["labels"], plan["misfits"], plan["written"]) == (1, [], False)
    assert not list(paths.labels.glob("*.json")), "a dry run writes nothing"


def test_a_person_is_told_what_to_say_instead(paths: StationPaths) -> None:
    for arguments, words in (
        (("label", NAME, "good-2", "good", "--by", "a"), "no inspection of a part or frame"),
        (("label", NAME, "good-1", "defect", "--by", "a", "--box", "1,2,3"), "is no box"),
        (("label", NAME, "good-1", "good", "--by", " "), "who says so"),
        (("review", NAME, "next", "--by", ""), "who is going to look is missing"),
        (("review", NAME, "claim", "--by", "a"), "a frame goes with claim"),
        (("labels", NAME, "import"), "the file is missing"),
    ):
        fault = invoke(*arguments, "--root", paths.root).exception
        assert isinstance(fault, UsageError), arguments
        assert words in fault.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_members_of_the_group_may_label_and_root_leaves_nothing_of_its_own() -> None:
    with owned_station() as paths:
        with running(paths) as station:
            drop(paths, "bad-1.png", part(BAD))
            station.wait_until_inspected(1)
        for path in (paths.state, *paths.state.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
        (name,) = [path.stem for path in paths.evidence.rglob("*.raw.*")]
        frame = name.partition("_")[2].partition(".")[0]
        label = ("label", NAME, frame, "good", "--by", "anna", "--root", paths.root)
        assert run_as(USER, *label).returncode == 0
        assert run_as(STRANGER, *label).returncode == 77
        assert run_as(0, *label).returncode == 0, "root"
        assert {path.stat().st_uid for path in paths.labels.iterdir()} == {USER}
