"""Several trainings beside each other, and which of them to evaluate: an example to copy.

python tune.py november bundles --name flange --by anna --trial "--seed 1" --trial "--size 320"

Each trial is one `qc-edge train`, the bundle is NAME@trial-N. On this machine as many processes run
as `--at-once` says; with `--ray` each is a task of a Ray cluster, which needs `pip install ray` and
DATASET and OUT at the same place on every node. The best by its folds is named; the test part of
the dataset is still unseen, and judges that one alone: qc-edge evaluate.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def main() -> int:
    given = _options()
    trials = [
        [
            *shlex.split(given.command),
            *("train", str(given.dataset), str(given.out)),
            *("--name", f"{given.name}@trial-{number}", "--by", given.by, "--json"),
            *shlex.split(options),
        ]
        for number, options in enumerate(given.trial, 1)
    ]
    run = _on_ray if given.ray else _on_this_machine
    outcomes = run(trials, given.at_once)
    rows = []
    for options, (code, output, errors) in zip(given.trial, outcomes, strict=True):
        if code:
            rows.append((None, options, errors.strip().splitlines()[-1:] or [f"exit code {code}"]))
        else:
            told = json.loads(output)
            area = told["report"]["bundle"]["figures"]["auc"] if told["report"] else {}
            rows.append((area.get("value"), options, [told["directory"]]))
    rows.sort(key=lambda row: 1.0 if row[0] is None else -row[0])
    lines = [
        f"{'failed' if area is None else f'{area:.4f}'}  {options or '(defaults)'}  {words[0]}"
        for area, options, words in rows
    ]
    found = rows[0][0] is not None
    if found:
        lines.append(f"next: qc-edge evaluate {rows[0][2][0]} {given.dataset}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if found else 1


def _trained(command: list[str], threads: int) -> tuple[int, str, str]:
    """One trial, in a process of its own: its exit code, and what it said."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def _on_this_machine(trials: list[list[str]], at_once: int) -> list[tuple[int, str, str]]:
    threads = max(1, (os.cpu_count() or 1) // at_once)
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda command: _trained(command, threads), trials))


def _on_ray(trials: list[list[str]], at_once: int) -> list[tuple[int, str, str]]:
    """A task for each trial; `at_once` is how many processors each one asks for."""
    try:
        ray: Any = __import__("ray")
    except ImportError:
        sys.exit(
            "--ray: the package ray is not installed here (pip install ray); without --ray "
            "the trials run on this machine"
        )
    ray.init()
    task = ray.remote(num_cpus=at_once)(_trained)
    return list(ray.get([task.remote(command, at_once) for command in trials]))


def _options() -> argparse.Namespace:
    about = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=about[0], epilog=about[2].replace("\n", " "))
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path, help="where bundles are")
    parser.add_argument("--name", required=True)
    parser.add_argument("--by", required=True)
    parser.add_argument("--trial", action="append", default=[], help="options of qc-edge train")
    parser.add_argument("--at-once", type=int, default=2, help="processes; on Ray: CPUs of each")
    parser.add_argument("--ray", action="store_true", help="on the cluster that Ray finds")
    parser.add_argument("--command", default="qc-edge", help="what runs qc-edge")
    given = parser.parse_args()
    given.trial = given.trial or ["--seed 1", "--seed 2"]
    return given


if __name__ == "__main__":
    sys.exit(main())
