"""The frame of the command line: help, versions, faults and exit codes, and a quick start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.cli import COMMANDS, GROUPS
from qc_edge.commands.help_groups import HEADINGS, help_of
from qc_edge.version import __version__
from tests.cli.runner import environment, invoke, run

HEAVY = {"cv2", "numpy", "onnxruntime", "duckdb", "pypylon", "watchdog", "pydantic"}


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"qc-edge {__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['qc-edge', '--help']\n"
        "from qc_edge.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('LOADED', *sorted(m for m in sys.modules if '.' not in m))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
    )
    loaded = set(ran.stdout.rpartition("LOADED")[2].split())
    assert "typer" in loaded, ran.stderr
    assert not loaded & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    shown = invoke(command, "--help")
    assert shown.exit_code == 0
    elsewhere = "--prefix" if command in {"install", "uninstall"} else "--root"
    # The software of the box that it runs on, or files that are named: there is no elsewhere.
    assert command in {"flash", "rollback", "train"} or elsewhere in shown.output, (
        f"the command can work elsewhere: {elsewhere} DIR"
    )
    assert f"qc-edge {command}" in shown.output, "the help ends with examples"


def test_the_commands_are_listed_with_a_summary() -> None:
    shown = invoke("--help").output
    for command in COMMANDS:
        assert f" {command} " in shown


def test_no_arguments_show_the_help() -> None:
    assert "A station" in invoke().output


def test_every_verb_stands_under_one_heading() -> None:
    assert sorted(HEADINGS) == sorted([*COMMANDS, *GROUPS])


def test_the_terminal_breaks_the_lines_of_a_help_and_leaves_its_examples() -> None:
    text, summary = help_of(COMMANDS["check"])
    assert "\n" not in summary
    explained, _, examples = text.partition("[dim]Examples:")
    assert "\n" not in explained.strip().replace("\n\n", "")
    assert examples.count("\n  [bold]qc-edge check ") == 2


def test_a_fault_goes_to_stderr_with_its_hint_and_exit_code(tmp_path: Path) -> None:
    ran = run("init", "Line 1", "--root", tmp_path)
    assert ran.returncode == 64
    assert ran.stdout == ""
    assert ran.stderr.startswith(
        "error: 'Line 1' is no name for a station\nhint: expected a small letter"
    )
    assert "Traceback" not in ran.stderr


def test_a_command_line_that_cannot_be_read_ends_with_64() -> None:
    ran = run("init", "line1", "--colour", "red")
    assert ran.returncode == 64
    assert "No such option" in ran.stderr


def test_a_message_with_brackets_is_printed_as_it_is(tmp_path: Path) -> None:
    ran = run("init", "line1", "--camera", "[bold]x[/nonsense]", "--root", tmp_path)
    assert "'[bold]x[/nonsense]'" in ran.stderr


def test_a_reader_that_goes_away_is_no_fault() -> None:
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m qc_edge --help | true"],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert ran.stderr == ""
