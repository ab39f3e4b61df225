"""`qc-edge sql`: what it prints, what it refuses, and how it says that something is wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from qc_edge.service.lock import StationLock
from qc_edge.settings import StationPaths
from tests.cli.runner import environment, run
from tests.publish.rows import NOON, asked, event, inspection, log

ROWS = 120


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station at rest that has published events and inspections."""
    root = tmp_path_factory.mktemp("station")
    paths = StationPaths(root, "line1")
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text('[station]\nname = "line1"\n')
    paths.state.mkdir(parents=True)
    with log(paths.state) as made:
        made.add(
            *(
                inspection(NOON + timedelta(seconds=n), n / ROWS, part_id=f"p{n}")
                for n in range(ROWS)
            )
        )
        made.add(event(NOON))
        made.publisher.publish()
    return root


def sql(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`qc-edge sql line1 ...` on that station."""
    return run("sql", "line1", *arguments, "--root", root)


def refused(root: Path, *arguments: str) -> str:
    """What it says on stderr when it refuses; nothing else is printed."""
    said = sql(root, *arguments)
    assert said.returncode == 64, said.stderr
    assert said.stdout == ""
    assert "Traceback" not in said.stderr
    return said.stderr


def test_a_table_with_numbers_to_the_right(root: Path) -> None:
    lines = sql(
        root, "SELECT verdict, count(*) AS parts FROM inspections GROUP BY 1 ORDER BY 1"
    ).stdout.splitlines()
    assert [line.split() for line in lines if line.strip()][2:] == [
        ["FAIL", "60"],
        ["PASS", "60"],
        ["2", "rows"],
    ]
    assert lines[1].rstrip().endswith("parts")
    assert lines[3].rstrip().endswith("   60")


def test_a_pipe_gets_every_column_and_row(root: Path) -> None:
    said = sql(root, "FROM inspections").stdout
    assert "chain_hash" in said
    assert said.count("\n 2026") == ROWS
    assert said.endswith(f"{ROWS} rows\n")


def test_csv_has_a_header_and_reads_back(root: Path) -> None:
    said = sql(
        root, "SELECT part_id, score, lot FROM inspections ORDER BY score LIMIT 2", "--csv"
    ).stdout
    assert list(csv.reader(io.StringIO(said))) == [
        ["part_id", "score", "lot"],
        ["p0", "0.0", ""],
        ["p1", str(1 / ROWS), ""],
    ]


def test_json_is_an_array_of_rows(root: Path) -> None:
    said = sql(
        root,
        "SELECT part_id, recorded_at, score, 'nan'::DOUBLE AS no FROM inspections "
        "ORDER BY recorded_at LIMIT 1",
        "--json",
    )
    assert json.loads(said.stdout) == [
        {"part_id": "p0", "recorded_at": "2026-11-22T12:00:00", "score": 0.0, "no": None}
    ]
    assert json.loads(sql(root, "FROM gaps", "--json").stdout) == []


def test_a_parquet_file_holds_the_answer(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "it's.parquet"
    said = sql(root, "SELECT part_id FROM inspections -- all of them", "--parquet", str(file))
    assert said.stdout == f"{ROWS} rows in {file}\n"
    assert asked("SELECT count(*) FROM read_parquet(?)", str(file)) == [(ROWS,)]
    assert list(tmp_path.iterdir()) == [file]


def test_a_parquet_file_that_cannot_be_written_is_reported(root: Path, tmp_path: Path) -> None:
    said = sql(root, "FROM events", "--parquet", str(tmp_path / "none/x.parquet"))
    assert said.returncode == 74
    assert "cannot write" in said.stderr
    assert "does the directory exist" in said.stderr


def test_questions_may_come_from_a_file(root: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "qc_edge", "sql", "line1", "--root", str(root)],
        input="-- two\nSELECT 1 AS a;\nSELECT ';' AS b;\n",
        text=True,
        capture_output=True,
        env=environment(),
    )
    assert said.returncode == 0, said.stderr
    assert [
        line.strip() for line in said.stdout.splitlines() if line.strip() in {"a", "b", "1", ";"}
    ] == list("a1b;")


def test_what_is_no_question_is_refused(root: Path) -> None:
    assert "changes and writes nothing" in refused(root, "COPY events TO 'stolen.csv'")


def test_a_wrong_name_is_pointed_at_and_a_right_one_proposed(root: Path) -> None:
    said = refused(root, "FROM inspektions")
    assert 'Did you mean "inspections"?' in said
    assert ("^" if duckdb.__version__.startswith("1.") else "^^^^") in said
    assert "hint: there are all_parts, challenge_parts, " in said
    assert ", count_closure, " in said
    assert '"between"(a, b)' in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SELECT 1; SELECT 2"], "expected one statement, got 2"),
        (["/* nothing */"], "there is no statement"),
        (["SELECT 1", "--csv", "--json"], "one of them"),
    ],
)
def test_an_unclear_request_is_refused(root: Path, arguments: list[str], words: str) -> None:
    assert words in refused(root, *arguments)


def test_an_unknown_station_is_reported(root: Path) -> None:
    said = run("sql", "line9", "SELECT 1", "--root", root)
    assert (said.returncode, "no station 'line9'" in said.stderr) == (66, True)


def test_a_station_that_has_never_run_is_reported(tmp_path: Path) -> None:
    settings = StationPaths(tmp_path, "line1").settings
    settings.parent.mkdir(parents=True)
    settings.touch()
    said = sql(tmp_path, "FROM events")
    assert (said.returncode, "no published rows of inspections" in said.stderr) == (74, True)


def test_it_works_where_nothing_may_be_written(root: Path) -> None:
    state = StationPaths(root, "line1").state
    before = {path: path.stat().st_mtime_ns for path in state.rglob("*")}
    directories = [state, *(path for path in before if path.is_dir())]
    for path in directories:
        path.chmod(0o555)
    try:
        assert "1" in sql(root, "SELECT count(*) FROM events").stdout
    finally:
        for path in directories:
            path.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in state.rglob("*")} == before


def test_beside_a_running_station_it_takes_only_what_cpu_is_idle(root: Path) -> None:
    paths = StationPaths(root, "line1")
    paths.run.mkdir(parents=True)
    with StationLock(paths.lock("inspect")):
        terminal = Terminal(root)
        terminal.until("line1> ")
        assert os.sched_getscheduler(terminal.pid) == os.SCHED_IDLE
        terminal.type(".quit\n")
        assert terminal.end() == 0


class Terminal:
    """`qc-edge sql` on a terminal of 80 columns, driven by hand."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self._here, there = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "qc_edge", "sql", "line1", *arguments, "--root", str(root)],
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
            env=environment()
            | {"COLUMNS": "80", "TERM": "xterm", "XDG_STATE_HOME": str(root / "home")},
        )
        os.close(there)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def until(self, words: str) -> str:
        """What it prints until these words, without the carriage returns."""
        said = ""
        while words not in said:
            assert select.select([self._here], [], [], 30)[0], f"30 s without {words!r}: {said}"
            try:
                said += os.read(self._here, 65536).decode(errors="replace").replace("\r", "")
            except OSError:
                raise AssertionError(f"it ended without {words!r}: {said}") from None
        return said

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self._here, text.encode())

    def interrupt(self) -> None:
        """Control-C, again until something is said: Python's readline does not hear one that comes
        between its prompt and its waiting for a key.
        """
        for _ in range(60):
            self._process.send_signal(signal.SIGINT)
            if select.select([self._here], [], [], 0.5)[0]:
                return

    def end(self) -> int:
        """Its exit code."""
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()
            os.close(self._here)


@pytest.fixture
def shell(root: Path) -> Iterator[Terminal]:
    """The shell, at its first prompt; left by `.quit`."""
    terminal = Terminal(root)
    terminal.until("line1> ")
    yield terminal
    terminal.type(".quit\n")
    assert terminal.end() == 0


def test_the_shell_takes_several_lines_until_the_semicolon(shell: Terminal) -> None:
    shell.type("SELECT count(*) AS parts\n")
    shell.until("...> ")
    shell.type("FROM inspections WHERE detail <> ';'\n;\n")
    assert "120" in shell.until("1 row\n")


def test_the_shell_goes_on_after_a_mistake(shell: Terminal) -> None:
    shell.type("SELEC 1;\n")
    shell.until("syntax error")
    shell.type("DROP VIEW events;\n")
    shell.until("changes and writes nothing")
    shell.type("SELECT 6 * 7 AS answer;\n")
    assert "42" in shell.until("1 row\n")


def test_the_shell_names_what_there_is(shell: Terminal) -> None:
    shell.type(".tables\n")
    shell.until("threshold_replay(t, since, until)")
    shell.type(".nonsense\n")
    shell.until("there is no .nonsense")
    shell.type(".mode csv\nSELECT 1 AS a, 2 AS b;\n")
    shell.until("a,b\n1,2\n")


def test_control_c_drops_what_was_typed(shell: Terminal) -> None:
    shell.type("SELECT nonsense\n")
    shell.until("...> ")
    shell.interrupt()
    shell.until("line1> ")
    shell.type("SELECT 1 AS one;\n")
    assert "nonsense" not in shell.until("1 row\n")


def test_a_table_that_does_not_fit_the_terminal_says_what_is_missing(root: Path) -> None:
    terminal = Terminal(root, "FROM inspections", "--rows", "5")
    said = terminal.until("--csv)\n")
    assert "5 of 120 rows" in said
    assert "columns do not fit" in said
    assert max(map(len, said.splitlines())) < 300
    assert terminal.end() == 0


def test_a_single_wide_row_is_shown_from_top_to_bottom(root: Path) -> None:
    terminal = Terminal(root, "FROM inspections LIMIT 1")
    lines = terminal.until("disputed").splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["frame_id", "recorded_at", "part_id"]
    assert len(lines) > 60
    assert terminal.end() == 0
