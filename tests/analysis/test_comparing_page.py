"""Every command of docs/comparing.md runs as it stands there, on a station that has judged
parts.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import cv2
import pytest

from qc_edge.rendered import render
from qc_edge.settings import StationPaths
from tests.bench import generate
from tests.cli.runner import invoke
from tests.cli.test_model_compare import another
from tests.station.harness import drop, part, running
from tests.station.test_shadow import Shadowed

PAGE = Path(__file__).resolve().parents[2] / "docs/comparing.md"
BLOCKS = re.findall(r"(?ms)^```sh\n(.+?)^```", PAGE.read_text(encoding="utf-8"))
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station with reference@2 installed, a candidate and images beside it."""
    made = Shadowed(tmp_path_factory.mktemp("place"), "0.2")
    paths = made.paths
    for level in (30, 230):
        drop(paths, f"{level}.png", part(level))
    with running(paths, made.dependencies) as station:
        station.wait_for(
            lambda: station.status.shadow and station.status.shadow.scored == 2, "scored"
        )
    generate.publish(paths)
    another(paths.models / "reference/2", version='"2"')
    another(paths.root / "candidate")
    (paths.root / "parts").mkdir()
    cv2.imwrite(str(paths.root / "parts/1.png"), render(1).pixels)
    return paths


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(
    command: str, place: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.root)
    # what a station judged in the tests is of today
    words = [word.replace("2026-11-01", "2020-01-01") for word in shlex.split(command)]
    assert words[0] == "qc-edge"
    ran = invoke(*words[1:], "--root", place.root)
    assert ran.exit_code == 0, ran.output + str(ran.exception)
    assert "Verdicts" in ran.stdout
    for option in ("--plot", "--csv"):
        if option in words:
            assert (place.root / words[words.index(option) + 1]).stat().st_size > 200
