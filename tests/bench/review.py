"""A reviewer at the station's page: parts labelled by keys alone in a real browser, while the line
runs at 20 frames/s. Needs photographs: `python -m tests.bench.review DIR`, DIR with an index.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.domain.label import PersonRole
from qc_edge.labels.drop import waiting_labels
from qc_edge.query.published_log import PublishedLog
from qc_edge.rendered import render
from qc_edge.settings import StationPaths
from qc_edge.settings.render import render_settings
from qc_edge.setup.new_station import parse_camera, provision
from qc_edge.web.people.passwords import Passwords
from qc_edge.web.people.users import User, Users
from tests.bench.machine import RESULTS, machine
from tests.bench.measures import scratch
from tests.station.harness import NAME, REPOSITORY, child_environment, drop, encoded, wait_for
from tests.web.chromium import Chromium, chromium
from tests.web.harness import PIN
from tests.web.server import free_port, served

PARTS = 200
RATE_HZ = 20.0
THINKS_S = 0.3
"""Between a part that is seen and the key: shorter than any person's."""

_KINDS = {"crack": "1", "blowhole": "2", "pitting": "2", "uneven": "3", "break": "4", "fray": "4"}
"""Which key says it, of the classes of the reference bundle."""

_PROBE = """
window.painted = [];
addEventListener("keydown", (event) => {
  const before = document.querySelector("[data-look]")?.dataset.frame;
  const look = () => requestAnimationFrame(() => {
    const form = document.querySelector("[data-look]");
    const picture = form?.querySelector("[data-picture]");
    if (form && form.dataset.frame !== before && picture.complete && picture.naturalWidth) {
      const behind = new MessageChannel();
      behind.port1.onmessage = () => painted.push(performance.now() - event.timeStamp);
      behind.port2.postMessage(0);
    } else if (performance.now() - event.timeStamp < 15000) look();
  });
  if ("gdun".includes(event.key)) look();
}, true);
"""


def main() -> None:
    """Label, measure, keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.review", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", metavar="NAME", default="review")
    chosen = parser.parse_args()
    with scratch() as root, tempfile.TemporaryDirectory() as profile:
        figures = _trial(root, chosen.data, Path(profile))
    result = {"machine": machine(), "figures": figures}
    (RESULTS / f"{chosen.keep}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def _trial(root: Path, data: Path, profile: Path) -> dict[str, Any]:
    port, parts = free_port(), _drawn(data)
    paths = _station(root, port)
    with _line(paths), served(paths, port) as page, chromium(profile) as tab:
        _change(paths)
        for number, (name, _) in enumerate(parts):
            drop(paths, f"{number}.jpg", (data / name).read_bytes(), {"part_id": name})
        wait_for(lambda: _count(paths, "inspections") >= PARTS, "the parts in the log", 120, 0.5)
        tab.size(1280, 800)
        tab.open(f"{page.address}/login?next=%2Freview")
        tab.fill("[name=name]", "anna")
        tab.fill("[name=secret]", PIN)
        tab.press("Enter")
        tab.wait_for("document.querySelector('[data-look]')")
        with _fed(paths) as fed:
            figures = _label(tab, dict(parts))
            wait_for(lambda: not [*waiting_labels(paths)], "all labels taken up", 60)
            wait_for(lambda: _count(paths, "labels") >= PARTS, "all labels in the log", 60, 0.5)
        labels = _count(paths, "labels")
        rate = fed[0] / fed[1]
    return {**figures, "labels_in_the_log": labels, "line_frames_per_s": rate}


def _drawn(data: Path) -> list[tuple[str, str]]:
    """File and class of the parts, as many good ones as come; the same each time."""
    with (data / "index.csv").open() as file:
        rows = [(row["file"], row["defect_class"]) for row in csv.DictReader(file)]
    return random.Random(17).sample(rows, PARTS)


def _label(tab: Chromium, classes: dict[str, str]) -> dict[str, Any]:
    tab.evaluate(f"{_PROBE}; 1")
    pause, began, keys, left = threading.Event(), time.monotonic(), 0, set(classes)
    while left:
        done = tab.evaluate("painted.length")
        part = tab.evaluate("document.querySelector('[data-look] .lead').firstChild.data.trim()")
        left.discard(part)  # a part of the line that the queue asks about is judged too
        kind = classes.get(part, "")
        pause.wait(THINKS_S)
        for key in (*_KINDS.get(kind, ""), "d" if kind else "g"):
            tab.press(key)
            keys += 1
        if left:
            tab.wait_for(f"painted.length > {done}")
    took = time.monotonic() - began
    painted = np.array(tab.evaluate("painted"))
    tab.wait_for("document.querySelector('[data-saving]').dataset.state === ''")
    return {
        "parts": PARTS,
        "parts_of_the_line_beside": len(painted) + 1 - PARTS,
        "keys": keys,
        "s_per_part": took / (len(painted) + 1),
        "of_which_thinking_s": THINKS_S,
        "key_to_painted_ms": {f"p{q}": float(np.percentile(painted, q)) for q in (50, 95, 99, 100)},
        "complaints": tab.complaints,
    }


def _station(root: Path, port: int) -> StationPaths:
    paths = provision(root, NAME, parse_camera("none")).paths
    sections: dict[str, dict[str, Any]] = {
        "station": {"name": NAME},
        "log": {"level": "error", "verdicts_per_s": 0.0},
        "storage": {"warn_free_mb": 100.0, "stop_free_mb": 50.0},
        "incoming": {"settle_s": 0.1, "repeated_frames": False},
        # All that came first, and of the line beside it nothing.
        "review": {"after_change": PARTS, "audit_share": 0.0, "second_opinion_share": 0.0},
        "page": {"listen": f"127.0.0.1:{port}"},
    }
    paths.settings.write_text(render_settings(sections, []), encoding="utf-8")
    anna = User("anna", PersonRole.QUALITY, Passwords().hash(PIN))
    Users(paths.page_users).change("anna", lambda _: anna)
    return paths


def _change(paths: StationPaths) -> None:
    """The first parts after a change are asked about, whatever they are; near it lies no part."""
    change = ["threshold", NAME, "set", "0.99", "--by", "anna", "--reason", "trial", "--yes"]
    command = [sys.executable, "-m", "qc_edge", *change, "--root", str(paths.root)]
    subprocess.run(command, check=True, cwd=REPOSITORY, env=child_environment(), timeout=60)


@contextmanager
def _line(paths: StationPaths) -> Iterator[None]:
    command = [sys.executable, "-m", "qc_edge", "run", NAME, "--root", str(paths.root)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=child_environment()) as line:
        try:
            wait_for(paths.status.exists, "the station runs", 60, 0.2)
            yield
        finally:
            line.terminate()


@contextmanager
def _fed(paths: StationPaths) -> Iterator[list[float]]:
    """Good parts at the line's pace; at the end how many, and in how many seconds."""
    pictures = [encoded(render(seed, size=(640, 512)).pixels, ".png") for seed in range(12)]
    ended, fed, began = threading.Event(), [0.0, 1.0], time.monotonic()

    def feed() -> None:
        while not ended.wait(max(0.0, began + fed[0] / RATE_HZ - time.monotonic())):
            drop(paths, f"fed-{fed[0]:.0f}.png", pictures[int(fed[0]) % len(pictures)])
            fed[0] += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield fed
    finally:
        ended.set()
        feeder.join()
        fed[1] = time.monotonic() - began


def _count(paths: StationPaths, table: str) -> int:
    if not paths.published.exists():
        return 0
    with PublishedLog(paths.published) as log:
        relation = log.cursor().relation(table)
        if relation is None:
            return 0
        return int(str(log.cursor().fetch(f"SELECT count(*) FROM {relation}")[0][0]))


if __name__ == "__main__":
    main()
