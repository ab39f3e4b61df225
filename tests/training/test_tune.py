"""docs/training/tune.py: trials beside each other, the best one named, failures told."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

TRAIN = """\
import json, sys
from pathlib import Path
out, given = Path(sys.argv[3]), sys.argv[4:]
name, _, version = given[given.index("--name") + 1].partition("@")
seed = given[given.index("--seed") + 1]
if seed == "3":
    sys.exit("error: the loss is no number any more in epoch 2")
(out / f"begun-{seed}").touch()
figures = {"auc": {"value": 0.9 + int(seed) / 100}}
told = {"directory": str(out / name / version), "report": {"bundle": {"figures": figures}}}
print(json.dumps(told))
"""


def tune(repository: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "docs/training/tune.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_best_trial_is_named_and_a_failed_one_says_why(
    repository: Path, tmp_path: Path
) -> None:
    stand_in = tmp_path / "train.py"
    stand_in.write_text(TRAIN)
    named = ("november", tmp_path, "--name", "flange", "--by", "anna")
    how = ("--command", f"{sys.executable} {stand_in}")
    seeds = ("--trial", "--seed 1", "--trial", "--seed 3", "--trial", "--seed 2")
    ran = tune(repository, *named, *how, *seeds)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        f"0.9200  --seed 2  {tmp_path}/flange/trial-3",
        f"0.9100  --seed 1  {tmp_path}/flange/trial-1",
        "failed  --seed 3  error: the loss is no number any more in epoch 2",
        f"next: qc-edge evaluate {tmp_path}/flange/trial-3 november",
    ]
    ran = tune(repository, *named, *how, "--trial", "--seed 3")
    assert ran.returncode == 1 and "next" not in ran.stdout


@pytest.mark.skipif(util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_it_says_what_to_do(repository: Path) -> None:
    ran = tune(repository, "november", "bundles", "--name", "flange", "--by", "anna", "--ray")
    assert ran.returncode == 1 and "the package ray is not installed here" in ran.stderr


@pytest.mark.train
def test_a_trial_is_a_real_training(repository: Path, tmp_path: Path) -> None:
    from tests.training.rendered_dataset import write_dataset

    november = write_dataset(tmp_path / "november", range(24), range(100, 112))
    trials = ("--trial", "--size 64 --threads 1 --epochs 1")
    named = (november, tmp_path / "bundles", "--name", "flange", "--by", "anna")
    ran = tune(repository, *named, *trials, "--command", f"{sys.executable} -m qc_edge")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    best = Path(ran.stdout.splitlines()[0].split()[-1])
    assert best.parent == tmp_path / "bundles/flange"
    assert json.loads((best / "report.json").read_text())["split"] == "folds"
