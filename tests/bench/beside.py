"""How late parts are told while others use the box: `python -m tests.bench.beside [--keep NAME]`.

A station at 20 frames/s of 1.3 megapixels: alone; beside a reviewer who clicks at its page while a
dataset is exported again and again; beside a sync that sends a sealed day again and again. They
take turns, several rounds of each; the first fifth of a round does not count. Page, export and sync
have the priorities of their units, the station only those of an ordinary process.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import numpy as np

from qc_edge.domain.label import PersonRole
from qc_edge.settings import StationPaths
from qc_edge.web.people.passwords import Passwords
from qc_edge.web.people.users import User, Users
from tests.bench.apart import SIZES
from tests.bench.machine import RESULTS, machine
from tests.bench.measures import frames_of, scratch
from tests.bench.station import make_station, run_station
from tests.bench.upstream_sending import station_with_frames
from tests.station.harness import REPOSITORY, child_environment
from tests.web.harness import PIN
from tests.web.server import free_port

RATE_HZ = 20.0
CLICKS_S = 0.5
"""Between two parts that are judged."""
DAY = 200
"""Frames of the sealed day that is sent: 262 MB."""

_PAGE = ("nice", "-n", "10", "ionice", "-c", "2", "-n", "7")
_IDLE = ("nice", "-n", "19", "ionice", "-c", "3")

Counts = dict[str, int]


def main() -> None:
    """Measure, print and keep as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.beside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--keep", metavar="NAME", default="beside")
    chosen = parser.parse_args()
    works = {"alone": _nothing, "reviewer and export": _reviewer, "sync": _sync}
    ages: dict[str, list[list[float]]] = {name: [] for name in works}
    done: dict[str, list[Counts]] = {name: [] for name in works}
    for number in range(chosen.rounds):
        for name, work in works.items():
            print(f"{name}, round {number + 1} of {chosen.rounds}", file=sys.stderr)
            with scratch() as root:
                taken, counts = _round(root, work, chosen.count)
            ages[name].append(taken)
            done[name].append(counts)
    result = {"machine": machine(), "figures": _figures(ages, done)}
    print(json.dumps(result, indent=1))
    (RESULTS / f"{chosen.keep}.json").write_text(json.dumps(result, indent=1) + "\n")


Work = Callable[[Path, StationPaths, threading.Event, Counts], None]


def _round(root: Path, work: Work, count: int) -> tuple[list[float], Counts]:
    """The ages of the parts of one round in ms, and how often what was beside came to its end."""
    paths = make_station(root / "station")
    text = paths.settings.read_text()
    port = free_port()
    review = "\n[review]\naudit_share = 1.0\n"
    paths.settings.write_text(f'{text}{review}\n[page]\nlisten = "127.0.0.1:{port}"\n')
    ended, counts = threading.Event(), Counts()
    beside = threading.Thread(target=work, args=(root, paths, ended, counts))
    if work is _sync:
        station_with_frames(root / "sealed", DAY)
    beside.start()
    try:
        frames = frames_of(SIZES["1.3 MP"], 4)
        watch = run_station(root / "station", count, frames, RATE_HZ)
    finally:
        ended.set()
        beside.join()
    return list(watch.ages_ms[count // 5 :]), counts


def _figures(ages: dict[str, list[list[float]]], done: dict[str, list[Counts]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, rounds in ages.items():
        p50, p99 = np.percentile([age for each in rounds for age in each], [50, 99])
        figures[name] = {
            "p50_ms": float(p50),
            "p99_ms": float(p99),
            "p99_of_rounds_ms": [float(np.percentile(each, 99)) for each in rounds],
            "done": done[name],
        }
    for name in ages:
        figures[name]["p99_ratio"] = figures[name]["p99_ms"] / figures["alone"]["p99_ms"]
    return figures


def _nothing(root: Path, paths: StationPaths, ended: threading.Event, counts: Counts) -> None:
    """The station alone."""


def _reviewer(root: Path, paths: StationPaths, ended: threading.Event, counts: Counts) -> None:
    """Judge part after part at the page, and export what there is, until `ended`."""
    anna = User("anna", PersonRole.QUALITY, Passwords().hash(PIN))
    Users(paths.page_users).change("anna", lambda _: anna)
    exporter = threading.Thread(target=_export, args=(root, paths, ended, counts))
    exporter.start()
    address = re.findall(r'listen = "(.+)"', paths.settings.read_text())[-1]
    command = ["page", "bench", "--root", str(paths.root)]
    with _running(_PAGE, command), httpx2.Client(base_url=f"http://{address}") as client:
        while not ended.wait(CLICKS_S):
            try:
                _judge_next(client, counts)
            except httpx2.TransportError:
                counts["page not there"] = counts.get("page not there", 0) + 1
    exporter.join()


def _judge_next(client: httpx2.Client, counts: Counts) -> None:
    """Fetch the next part with its pictures as a browser does, and say that it is good."""
    look = client.get("/review/next")
    if look.status_code not in {200, 204}:
        client.post("/login", data={"name": "anna", "secret": PIN})
        return
    if look.status_code == 204:
        return
    for picture in re.findall(r'src="(/picture/[^"]+)"', look.text):
        client.get(picture)
    fields = dict(re.findall(r'name="(token|frame|blind)" value="([^"]*)"', look.text))
    answer = client.post("/review/label", data=fields | {"said": "good", "key": uuid4().hex})
    name = "labels" if answer.status_code == 204 else f"label {answer.status_code}"
    counts[name] = counts.get(name, 0) + 1


def _export(root: Path, paths: StationPaths, ended: threading.Event, counts: Counts) -> None:
    while not ended.wait(1.0):
        out = root / "dataset"
        command = ["dataset", "export", "bench", str(out), "--root", str(paths.root)]
        _count(counts, "exports", _to_end(command, ended))
        shutil.rmtree(out, ignore_errors=True)


def _sync(root: Path, paths: StationPaths, ended: threading.Event, counts: Counts) -> None:
    """Send a sealed day of another station on the same disk, until `ended`."""
    sealed = StationPaths(root / "sealed", "line1")
    while not ended.wait(0.5):
        _count(counts, "syncs", _to_end(["sync", "line1", "--root", str(sealed.root)], ended))
        for directory in (sealed.root / "upstream", sealed.upstream):
            shutil.rmtree(directory, ignore_errors=True)
        (sealed.root / "upstream").mkdir()


def _count(counts: Counts, name: str, code: int | None) -> None:
    if code is not None:
        key = name if code == 0 else f"{name}, exit code {code}"
        counts[key] = counts.get(key, 0) + 1


def _to_end(command: list[str], ended: threading.Event) -> int | None:
    """The exit code of a command at the lowest priority; None if `ended` came first."""
    with _running(_IDLE, command) as process:
        while process.poll() is None:
            if ended.wait(0.05):
                return None
        return process.returncode


@contextmanager
def _running(priority: tuple[str, ...], command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    whole = [*priority, sys.executable, "-m", "qc_edge", *command]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        whole, cwd=REPOSITORY, env=child_environment(), stdout=quiet, stderr=quiet
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    main()
