"""docs/models.md: every command runs as it stands there, and what it quotes is what the software
says.
"""

from __future__ import annotations

import re
import shlex
import tarfile
from pathlib import Path

import pytest

from qc_edge.errors import UsageError
from tests.cli.runner import invoke
from tests.diagnostics.test_technician import said
from tests.station.harness import make_station, write_bundle

PAGE = (Path(__file__).resolve().parents[2] / "docs/models.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"(?s)```sh\n(.*?)```", PAGE)
    for line in block.splitlines()
    if line.strip()
]
REFUSALS = re.findall(r"(?m)^\| (?!what|-).*? \| (.*) \|$", PAGE.partition("## What is refused")[2])


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = make_station(tmp_path)
    bundle = write_bundle(tmp_path / "delivered/flange/3")
    manifest = bundle / "bundle.toml"
    manifest.write_text(manifest.read_text().replace('name = "corner"', 'name = "flange"'))
    with tarfile.open("flange-3.tar.gz", "w:gz") as archive:
        archive.add(bundle, "flange")
    assert len(COMMANDS) == 9
    for line in COMMANDS:
        program, *arguments = shlex.split(line)
        assert program == "qc-edge"
        if arguments[1] == "verify":
            continue  # the twins' bundle has no model; test_model.py verifies the reference
        at_root = [] if arguments[1] in {"keygen", "sign"} else ["--root", str(tmp_path)]
        result = invoke(*arguments, *at_root)
        if arguments[1] in {"accept", "rollback"}:
            assert isinstance(result.exception, UsageError), (
                "nothing to decide on a station that never ran"
            )
        else:
            assert result.exit_code == 0, f"{line}: {result.output} {result.exception!r}"
    assert (paths.models / "flange/3").is_dir()


@pytest.mark.parametrize("row", REFUSALS)
def test_a_refusal_is_quoted_as_it_is_reported(row: str) -> None:
    for quote in re.findall(r"`([^`]+)`", row):
        for piece in filter(None, (part.strip() for part in quote.split("…"))):
            known = any(piece in text for text in said()) or piece.startswith(
                "frames: Tuple should have"
            )
            assert known, f"nothing in qc_edge says {piece!r}"


def test_the_page_has_the_refusals() -> None:
    assert len(REFUSALS) == 14
