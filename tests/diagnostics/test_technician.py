"""The technician's pages quote what the software says, and what they tell to do works."""

from __future__ import annotations

import ast
import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from qc_edge.cli import COMMANDS, GROUPS
from qc_edge.diagnostics.remedies import REMEDIES, Remedy, fix_for
from qc_edge.domain.verdict import Reason
from qc_edge.setup.new_station import CameraChoice, provision
from tests.cli.runner import run
from tests.quality.tools import PACKAGE, REPOSITORY
from tests.station.harness import make_station, running, wait_for

DOCUMENT = (REPOSITORY / "docs/technician.md").read_text(encoding="utf-8")
QUOTED = re.compile(r"`([^`\n]+)`")
_SYSTEMD = {"Active: failed", "Status:"}


@cache
def said() -> tuple[str, ...]:
    """Every text that stands in the sources, the parts of f-strings one by one."""
    texts = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts |= {
                    node.value,
                    node.value.replace("_", " "),
                }  # events are said without their dashes
    return tuple(texts)


def quotes() -> list[str]:
    """What the pages say that one sees: code in the paragraphs of "You see", and in the table."""
    paragraphs = re.findall(r"(?ms)^\*\*You see\*\*.*?(?=\n\n)", DOCUMENT)
    table = [row.split("|")[1] for row in re.findall(r"(?m)^\| .*\]\(#.*$", DOCUMENT)]
    assert len(paragraphs) > 12
    assert len(table) > 12
    return [quote for text in (*paragraphs, *table) for quote in QUOTED.findall(text)]


@pytest.mark.parametrize("quote", sorted({*quotes()} - _SYSTEMD))
def test_the_software_says_what_is_quoted(quote: str) -> None:
    for piece in filter(None, (part.strip() for part in quote.split("…"))):
        assert any(piece in text for text in said()), f"nothing in qc_edge says {piece!r}"


def headings() -> set[str]:
    return set(re.findall(r"(?m)^## (.+)$", DOCUMENT))


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.words)
def test_the_doctor_sends_to_a_page_that_there_is(remedy: Remedy) -> None:
    assert remedy.heading in headings()


def test_every_page_says_what_one_sees_and_what_to_do() -> None:
    for page in re.split(r"(?m)^## ", DOCUMENT)[2:]:
        assert "**You see**" in page, page[:40]
        assert re.search(r"(?m)^1\. ", page), page[:40]


def test_the_commands_are_commands() -> None:
    used = set(re.findall(r"`(?:sudo )?qc-edge ([a-z][a-z-]+)", DOCUMENT))
    assert used >= {"doctor", "check", "status", "calibrate", "part", "support-bundle", "verify"}
    known = COMMANDS.keys() | GROUPS.keys()
    assert used <= known, used - known


def test_every_gate_is_on_the_page_of_invalid_parts() -> None:
    page = next(
        each for each in re.split(r"(?m)^## ", DOCUMENT) if each.startswith("Everything is INVALID")
    )
    gates = [
        Reason.LOW_FOCUS,
        Reason.TOO_DARK,
        Reason.TOO_BRIGHT,
        Reason.SATURATED,
        Reason.BLACK,
        Reason.LOW_CONTRAST,
        Reason.WRONG_SIZE,
        Reason.WRONG_BIT_DEPTH,
        Reason.OUT_OF_FRAME,
    ]
    assert all(f"`{gate}`" in page for gate in gates)


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        ("inspector silent for 31 s (deadline 15 s)", "A worker is silent"),
        (
            "HOLD: disk, 812 MB free: below 1,000 MB nothing is captured or judged",
            "The disk is low or full",
        ),
        ("camera top: open, but no frame for 6 s", "A camera is silent"),
        ("camera top: no Basler camera found", "A camera is missing or lost"),
        ("low_focus", "Everything is INVALID"),
        ("starting", "It stays starting"),
        (
            "not ready: building engine plan, expected ~40 s, 3 s so far: reading",
            "It stays starting",
        ),
    ],
)
def test_trouble_leads_to_its_page(words: str, heading: str) -> None:
    assert f"(technician.md: {heading})" in fix_for(words, "line1")


def test_refused_settings_end_with_78_and_check_names_the_line(tmp_path: Path) -> None:
    paths = make_station(tmp_path, log={})
    paths.settings.write_text(
        paths.settings.read_text().replace("[storage]\n", "[storage]\nwarn_fre_mb = 1\n")
    )
    ran = run("run", "line1", "--root", tmp_path)
    assert ran.returncode == 78
    checked = run("check", "line1", "--root", tmp_path)
    assert checked.returncode == 78
    assert "did you mean 'warn_free_mb'?" in checked.stdout


def test_a_model_that_is_not_whole_ends_with_65(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with (paths.models / "corner/1/model.onnx").open("ab") as file:
        file.write(b"x")
    ran = run("run", "line1", "--root", tmp_path)
    assert ran.returncode == 65
    assert "sha256" in ran.stderr


def test_a_station_without_its_calibration_ends_with_65(tmp_path: Path) -> None:
    provision(tmp_path, "line1", CameraChoice(None))
    shutil.rmtree(tmp_path / "var/lib/qc-edge/line1/calibration")
    ran = run("run", "line1", "--root", tmp_path)
    assert ran.returncode == 65
    assert "has no calibration: no record in" in ran.stderr


def test_a_second_start_ends_with_75_and_names_the_first(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths):
        ran = run("run", "line1", "--root", tmp_path)
    assert ran.returncode == 75
    assert "is already run by process" in ran.stderr


def test_an_expired_calibration_is_said_and_holds(tmp_path: Path) -> None:
    paths = make_station(tmp_path, due_in_days=-1)
    with running(paths) as station:
        assert "calibration EXPIRED: parts are held" in station.status.line()
        wait_for(paths.status.exists, "the status")
        shown = run("status", "line1", "--root", tmp_path)
    assert "EXPIRED" in shown.stdout
