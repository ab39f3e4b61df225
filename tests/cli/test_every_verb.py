"""Every verb on a terminal that is not UTF-8, with a full disk behind it, in an odd directory."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from qc_edge.cli import COMMANDS, GROUPS
from qc_edge.rendered import render
from qc_edge.settings import StationPaths
from qc_edge.setup.new_station import CameraChoice, provision
from qc_edge.station.dependencies import Dependencies
from tests import forked
from tests.cli.runner import environment
from tests.station.harness import NAME, drop, encoded, running

ODD = "lab [2] * {a,b} ü"
"""What a shell, DuckDB and glob(7) take for patterns, and a letter that ASCII has not."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StationPaths]:
    """A station that has inspected two parts with the shipped model, at rest."""
    root = tmp_path_factory.mktemp("every") / ODD
    paths = provision(root, NAME, CameraChoice(None)).paths
    with running(paths, Dependencies()) as at_work:
        drop(paths, "a.png", render(11).pixels)
        drop(paths, "b.png", render(12).pixels)
        at_work.wait_until_inspected(2)
    yield paths
    shutil.rmtree(root)


def verbs(paths: StationPaths, out: Path) -> Mapping[str, Sequence[str | Path]]:
    """A command line for each verb; what writes a file writes it to `out`."""
    picture = out / "part.png"
    why = ("--by", "anna", "--reason", "größer")
    return {
        "init": (NAME, "--camera", "none"),
        "check": (NAME,),
        "run": ("line9",),
        "status": (NAME,),
        "doctor": (NAME,),
        "support-bundle": (NAME, "--out", out / "bundle.tar.gz"),
        "calibrate": (NAME, "--by", "anna", "--from", out),
        "inspect": (picture, "--station", NAME),
        "prepare": (picture, "--station", NAME),
        "threshold": (NAME,),
        "replay": (NAME, "--threshold", "0.4", "--plot", out / "effect.html"),
        "part": (NAME, "1", "--report", out / "1.html"),
        "report": (NAME, "--shift", "now", "--output", out / "now.html"),
        "due": (NAME,),
        "audit-pack": (NAME, "--period", "2026", "--out", out / "pack.zip"),
        "spc": (NAME, "--output", out / "charts.html"),
        "label": (NAME, "1", "defect", "--by", "größer"),
        "labels": (NAME, "export", out / "labels.csv"),
        "challenge": (NAME, "list"),
        "suspect": (NAME, "--from", "2020-01-01", "--no-hold", "--output", out / "suspect"),
        "dispute": (NAME, "1", "--by", "anna", "--why", "größer"),
        "hold": (NAME,),
        "release": (NAME, "--part", "1", *why),
        "review": (NAME, "stats"),
        "verify": (NAME,),
        "sql": (NAME, "SELECT part_id, 'größer →' AS words FROM inspections"),
        "export": (NAME, out / "export.duckdb"),
        "page": ("line9",),
        "user": (NAME, "list"),
        "token": (NAME, "list"),
        "demo": ("--seconds", "1"),
        "install": ("--dry-run",),
        "uninstall": ("--dry-run",),
        "rollback": (),
        "provision": (out / "größer.toml",),
        "factory-reset": ("--dry-run", "--keep-evidence"),
        "flash": (out, "--disk", out / "none.raw", "--yes"),
        "retention plan": (NAME,),
        "retention run": (NAME,),
        "msa order": (out / "truth.csv", "--appraiser", "größer", "--out", out / "sheets"),
        "msa trials": (NAME, out / "truth.csv", "--out", out / "trials.csv"),
        "msa attribute": (out / "trials.csv",),
        "msa gauge": (out / "trials.csv",),
        "model list": (NAME,),
        "model show": (NAME,),
        "model verify": (NAME,),
        "model install": (NAME, out),
        "model activate": (NAME, "none@1", *why),
        "model rollback": (NAME, *why),
        "model accept": (NAME, *why),
        "model compare": ("reference@1", "reference@1", "--station", NAME),
        "model shadow": (NAME,),
        "model keygen": (out / "key",),
        "model sign": (out, "--key", out / "key"),
        "model drift": (NAME,),
        "model approve": (out, out / "report.json", "--by", "anna"),
        "engine build": ("reference@1",),
        "model pack": (
            *(out / "model.onnx", "--name", "größer", "--by", "anna"),
            *("--good", out, "--bad", out, "--out", out / "models"),
        ),
        "dataset export": (NAME, out / "größer"),
        "dataset check": (out,),
        "train": (out, out / "bundles", "--name", "größer", "--by", "anna"),
        "evaluate": ("reference@1", out),
        "sync": (NAME,),
        "restore": (NAME, "--from", f"file://{out}"),
        "fleet compact": (f"file://{out}",),
        "fleet publish": (f"file://{out}", "--key", out / "key", "--by", "anna", "--bundle", out),
        "settings show": (NAME,),
        "update check": (out,),
        "update stage": (out,),
        "update apply": (),
        "update rollback": (),
        "update status": (),
        "update sign": (out, "--key", out / "key"),
        "line status": (NAME,),
        "line watch": ("line9",),
        "line test": (NAME, "plc"),
        "recipe list": (NAME,),
        "recipe show": (NAME, "flange"),
        "recipe new": (NAME, "größer"),
        "recipe copy": (NAME, "flange", "jar"),
        "recipe edit": (NAME, "flange", "--set", "number=7"),
        "recipe approve": (NAME, "flange", *why),
        "recipe activate": (NAME, "flange", *why),
        "recipe rollback": (NAME, *why),
    }


FINDS_FAULTS = {"doctor", "dataset check"}
"""Exit code 1 says that they found something."""

LONG = {"demo", "rollback"}
"""Run by tests of their own: one is a station in itself, one changes the box that it runs on."""

ALL = [*COMMANDS, *(f"{group} {verb}" for group, (_, of) in GROUPS.items() for verb in of)]
WITHOUT_ROOT = {
    "model approve",
    "flash",
    "install",
    "uninstall",
    "model keygen",
    "model sign",
    "engine build",
} | {
    "update sign",
    "model pack",
    "dataset check",
    "fleet compact",
    "fleet publish",
}


def test_every_verb_is_tried(tmp_path: Path) -> None:
    assert set(verbs(StationPaths(tmp_path, NAME), tmp_path)) == set(ALL)


@functools.cache
def picture() -> bytes:
    return encoded(render(13).pixels, ".png")


def start(
    verb: str, paths: StationPaths, out: Path, stdout: int | None = None, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    (out / "part.png").write_bytes(picture())
    root = () if verb in WITHOUT_ROOT else ("--root", paths.root)
    arguments = [*verb.split(), *verbs(paths, out)[verb], *root]
    return forked.run("qc_edge", arguments, environment() | variables, stdout)


@pytest.mark.parametrize("verb", sorted({*ALL} - LONG))
def test_no_verb_ends_in_a_traceback(verb: str, station: StationPaths, tmp_path: Path) -> None:
    told = start(verb, station, tmp_path, PYTHONIOENCODING="ascii")
    assert b"Traceback" not in told.stderr, told.stderr.decode()
    assert told.returncode not in {1, 70} or verb in FINDS_FAULTS, told.stderr.decode()
    full = os.open("/dev/full", os.O_WRONLY)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    try:
        unwritten = start(verb, station, tmp_path, full)
    finally:
        os.close(full)
    assert b"Traceback" not in unwritten.stderr, unwritten.stderr.decode()
    assert b"Exception ignored" not in unwritten.stderr, unwritten.stderr.decode()
    if told.stdout:
        assert b"No space left on device" in unwritten.stderr, (told.stdout, unwritten)


@pytest.mark.parametrize(
    "verb",
    ["sql", "part", "verify", "replay", "export", "model compare", "check", "support-bundle"],
)
def test_a_directory_is_no_pattern(verb: str, station: StationPaths, tmp_path: Path) -> None:
    ran = start(verb, station, tmp_path)
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()


def test_what_ascii_has_not_is_shown_in_plain_letters(
    station: StationPaths, tmp_path: Path
) -> None:
    shown = start("sql", station, tmp_path, PYTHONIOENCODING="ascii").stdout
    assert rb"gr\xf6\xdfer ->" in shown


@pytest.mark.parametrize("verb", ["init", "status", "sql"])
def test_a_question_mark_in_the_root_is_refused_in_words(verb: str, tmp_path: Path) -> None:
    ran = start(verb, StationPaths(tmp_path / "lab ?", NAME), tmp_path)
    assert ran.returncode == 64
    assert b"no path with a question mark" in ran.stderr
