"""However a database is opened here, DuckDB draws nothing into the answer and fetches nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.store.log.duck import open_duckdb
from tests.quality.tools import REPOSITORY


def drawing(opened: str) -> str:
    """Whether DuckDB would draw a progress bar on stdout, where Python runs without a script."""
    program = f"import duckdb\nfrom qc_edge.store.log.duck import open_duckdb\nlog = {opened}\n"
    program += "print(log.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone()[0])"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_long_query_draws_nothing_into_the_answer() -> None:
    assert drawing("duckdb.connect()") == "True", (
        "DuckDB has another default by now: this test shows nothing"
    )
    assert drawing("open_duckdb()") == "False"


def test_there_is_one_place_that_opens_duckdb() -> None:
    opening = [
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "qc_edge").rglob("*.py")
        if path.name != "read_me.py"  # words for whoever opens an export
        and re.search(r"^\s.*(?<!')\bduckdb\.connect\((?!')", path.read_text(), re.MULTILINE)
    ]
    assert opening == ["qc_edge/store/log/duck.py"]


def test_extensions_are_not_fetched(tmp_path: Path) -> None:
    with open_duckdb(tmp_path / "new.duckdb", threads=1) as log:
        settings = "'autoinstall_known_extensions', 'threads', 'enable_progress_bar'"
        asked = log.execute(f"SELECT name, value FROM duckdb_settings() WHERE name IN ({settings})")
        found = dict(asked.fetchall())
    assert found == {
        "autoinstall_known_extensions": "false",
        "threads": "1",
        "enable_progress_bar": "false",
    }


def test_what_does_not_fit_in_memory_goes_to_the_place_for_such_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    ids = "SELECT sha256(range::VARCHAR) AS id FROM range(400000)"
    with open_duckdb(memory_limit="40MB", threads=1) as log:
        log.execute(f"SELECT id, count(*) FROM ({ids}) GROUP BY id ORDER BY id")
        assert any(spill.rglob("duckdb_temp*")), "nothing was spilled: this test shows nothing"
    assert not list(spill.iterdir())
