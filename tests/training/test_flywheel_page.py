"""The walk of docs/flywheel.md from labels to another model in force, as it is written there."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_edge.rendered.part import render
from qc_edge.settings import StationPaths
from qc_edge.station.dependencies import Dependencies
from tests.cli.runner import invoke
from tests.station.harness import NAME, Running, configure, drop, make_station, running
from tests.training.rendered_dataset import KINDS, SIZE

pytestmark = pytest.mark.train

PARTS = 30
SMALLER = {
    "train": ("--size", "128", "--threads", "1", "--epochs", "2"),
    "evaluate": (),
    "model approve": (),
    "dataset check": (),
}
"""What a command gets that works on files alone; all others work on the station."""


def walk(repository: Path) -> list[str]:
    """The commands of the page, in their order."""
    page = (repository / "docs/flywheel.md").read_text()
    section = page.partition("## All of it, once\n")[2].partition("\n## ")[0]
    (commands,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return str(commands).splitlines()


def follow(line: str, root: Path) -> None:
    """One command of the page, with what a test is smaller by."""
    words = shlex.split(line.partition(" > ")[0])[1:]
    work = next((name for name in SMALLER if words[: len(name.split())] == name.split()), None)
    words += ("--root", str(root)) if work is None else SMALLER[work]
    result = invoke(*words)
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"
    if file := line.partition(" > ")[2]:
        Path(file).write_text(result.stdout)


def inspect(run: Running, paths: StationPaths, seeds: range) -> list[dict[str, str]]:
    """Every third is bad; what a person says of each, as labels.csv has it."""
    said = []
    for seed in seeds:
        kind = KINDS[seed // 3 % len(KINDS)] if seed % 3 == 0 else None
        part = render(seed, kind, size=SIZE, severity=0.8 if kind else None)
        sidecar = {"part_id": f"p{seed}", "lot": f"L{seed // 6}"}
        drop(paths, f"p{seed}.png", cv2.imencode(".png", part.pixels)[1].tobytes(), sidecar)
        said.append({"part_id": f"p{seed}", "who": "anna", "label": "defect" if kind else "good"})
        if kind:
            box = [int(value) for value in cv2.boundingRect(part.mask.astype(np.uint8))]
            said[-1] |= {"defect_class": kind.value, "regions": json.dumps([{"box": box}])}
    run.wait_until_inspected(len(seeds))
    return said


def count(paths: StationPaths, table: str) -> int:
    query = f"SELECT count(*) AS rows FROM {table}"
    result = invoke("sql", NAME, query, "--json", "--root", paths.root)
    return int(json.loads(result.stdout)[0]["rows"]) if result.exit_code == 0 else 0


def test_a_new_engineer_comes_from_labels_to_another_model_in_force(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelling, *others = walk(repository)
    paths = make_station(tmp_path / "root")
    configure(paths, model={"bundle": "reference@1"})
    monkeypatch.chdir(tmp_path)
    with running(paths, Dependencies()) as run:
        said = inspect(run, paths, range(3000, 3000 + PARTS))
        with Path("labels.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["part_id", "label", "defect_class", "who", "regions"])
            writer.writeheader()
            writer.writerows(said)
        run.wait_for(lambda: count(paths, "inspections") == PARTS, "all is published", 60, 0.5)
        follow(labelling, paths.root)
        run.wait_for(lambda: count(paths, "effective_labels") == PARTS, "taken up", 60, 0.5)
        for line in others:
            follow(line, paths.root)
    listed = json.loads(invoke("model", "list", NAME, "--json", "--root", paths.root).stdout)
    assert "flange@4" in str(listed["in_force"]), listed
