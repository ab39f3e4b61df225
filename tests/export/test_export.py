"""An export opens anywhere, with the station gone: rows, views, labels, macros and pictures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.errors import QcEdgeError, UsageError
from qc_edge.query import evidence
from qc_edge.query.typed_rows import read_inspections
from qc_edge.query.views import described
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from tests.audit.rows import publish
from tests.cli.runner import invoke
from tests.export.conftest import PARTS
from tests.report.test_qa_page import QUESTIONS
from tests.station.harness import NAME

CLI = Path(sys.executable).with_name("duckdb")
FILE, DIRECTORY = "parts.duckdb", "parts"


def export(paths: StationPaths, out: Path, *options: str | Path) -> Any:
    """`qc-edge export` with --json; what it said, or the fault that it raised."""
    result = invoke("export", NAME, out, *options, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    return json.loads(result.stdout)


def moved(paths: StationPaths, out: Path, name: str) -> Path:
    """The export carried to another machine: in another place, the station out of reach."""
    laptop = out.with_name("laptop")
    shutil.copytree(out, laptop)
    shutil.rmtree(out)
    shutil.rmtree(paths.root)
    return laptop / name


def ask(database: Path, sql: str) -> list[dict[str, Any]]:
    """The stock command line in the directory of the database."""
    ran = subprocess.run(
        [str(CLI), "-readonly", "-json", database.name, "-c", sql],
        cwd=database.parent,
        text=True,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    rows: list[dict[str, Any]] = json.loads(ran.stdout or "[]")
    return rows


def parts_in(database: Path) -> set[str]:
    return {row["part_id"] for row in ask(database, "SELECT part_id FROM inspections")}


@pytest.fixture(params=[FILE, "qa.duckdb"], ids=["one file", "a directory"])
def taken_away(request: pytest.FixtureRequest, paths: StationPaths, tmp_path: Path) -> Path:
    """The database of an export with pictures, the station gone."""
    target = tmp_path / "out" / FILE if request.param == FILE else tmp_path / "out"
    said = export(paths, target, "--with-evidence")
    assert said["rows"]["inspections"] == len(PARTS) + 1
    return moved(paths, tmp_path / "out", request.param)


def test_every_view_and_macro_answers(taken_away: Path) -> None:
    for view in described():
        if view.kind == "VIEW":
            ask(taken_away, f"FROM {view.name} LIMIT 1")
    assert {row["part_id"] for row in ask(taken_away, "FROM flips(0.2)")} == {"A3"}
    assert [row["change"] for row in ask(taken_away, "FROM threshold_replay(0.2)")] == [-1, 1, 0]
    (closure,) = ask(taken_away, "SELECT lost, counted_by FROM closure() WHERE camera = 'top'")
    assert closure == {"lost": 1, "counted_by": "no counter"}


def test_every_question_of_the_qa_page_can_be_asked(taken_away: Path) -> None:
    for sql, _ in QUESTIONS.values():
        ask(taken_away, sql)


def test_labels_stand_beside_their_inspections(taken_away: Path) -> None:
    found = ask(taken_away, "SELECT part_id, label FROM inspections WHERE label IS NOT NULL")
    assert {row["part_id"]: row["label"] for row in found} == {"A1": "defect", "B1": "good"}


def test_views_and_macros_are_explained_where_they_are(taken_away: Path) -> None:
    (row,) = ask(taken_away, "SELECT comment FROM duckdb_views() WHERE view_name = 'yield_by_hour'")
    assert row["comment"].startswith("Yield hour by hour")


def test_pictures_lie_where_the_rows_say_and_are_what_was_judged(taken_away: Path) -> None:
    place = taken_away.parent
    rows = ask(taken_away, "SELECT * FROM evidence_files JOIN inspections USING (frame_id)")
    assert {row["kind"] for row in rows} == {"raw", "prepared", "map"}
    for row in rows:
        assert row["path"] == row[f"{row['kind']}_path"]
        if row["compared"] == "same":
            assert evidence.read(place / row["path"]).sha256 == row["sha256"]
    assert [row["path"][:10] for row in rows if row["compared"] != "same"] == ["quarantine"]


def test_nothing_in_it_names_a_place_on_the_station(taken_away: Path) -> None:
    for file in taken_away.parent.rglob("*"):
        if file.suffix in {".duckdb", ".parquet", ".sql", ".txt"}:
            content = file.read_bytes()
            assert not re.search(rb"/(?:var|tmp|root|home|etc)/[a-z]", content), file
            assert b".partial" not in content, file


def test_an_export_has_the_lots_that_were_asked_for_and_what_belongs_to_them(
    paths: StationPaths, tmp_path: Path
) -> None:
    said = export(paths, tmp_path / FILE, "--lot", "A")
    assert (said["rows"]["inspections"], said["rows"]["labels"]) == (3, 1)
    assert parts_in(tmp_path / FILE) == {"A1", "A2", "A3"}


def test_of_some_parts_no_count_is_said_to_close(paths: StationPaths, tmp_path: Path) -> None:
    names = "SELECT function_name AS name FROM duckdb_functions() WHERE NOT internal"
    export(paths, tmp_path / FILE, "--lot", "A")
    export(paths, tmp_path / "all.duckdb")
    assert "closure" not in {row["name"] for row in ask(tmp_path / FILE, names)}
    assert "closure" in {row["name"] for row in ask(tmp_path / "all.duckdb", names)}


def test_an_export_of_listed_parts_says_which_of_them_it_lacks(
    paths: StationPaths, tmp_path: Path
) -> None:
    listed = tmp_path / "parts.txt"
    listed.write_text("A2\nB1\n\n  B1\nZ9\n")
    said = export(paths, tmp_path / FILE, "--parts", listed)
    assert said["unknown_parts"] == ["Z9"]
    assert parts_in(tmp_path / FILE) == {"A2", "B1"}


def test_an_export_of_a_time_ends_before_its_end(paths: StationPaths, tmp_path: Path) -> None:
    recorded = {row.part_id: row.recorded_at for row in read_inspections(paths.database)}
    begin, end = min(recorded[name] for name in PARTS), min(recorded["B1"], recorded["B2"])
    export(paths, tmp_path / FILE, "--since", begin.isoformat(), "--until", end.isoformat())
    assert parts_in(tmp_path / FILE) == {"A1", "A2", "A3"}


def test_a_time_without_inspections_is_said_with_what_there_is(
    paths: StationPaths, tmp_path: Path
) -> None:
    begin = (utc_now() - timedelta(days=9)).isoformat()
    end = (utc_now() - timedelta(days=8)).isoformat()
    with pytest.raises(UsageError, match="no inspection fits") as fault:
        export(paths, tmp_path / "new" / FILE, "--since", begin, "--until", end)
    assert "the log holds" in fault.value.hint
    assert not (tmp_path / "new").exists()


def test_pictures_that_were_changed_or_lost_since_are_told(
    paths: StationPaths, tmp_path: Path
) -> None:
    rows = {row.part_id: row for row in read_inspections(paths.database)}
    shutil.copy(paths.state / str(rows["A1"].raw_path), paths.state / str(rows["A2"].raw_path))
    (paths.state / str(rows["A3"].map_path)).unlink()
    said = export(paths, tmp_path / "out", "--lot", "A", "--with-evidence")
    assert said["pictures"] == {"same": 6, "changed": 1, "missing": 1}


def test_a_link_in_place_of_a_picture_is_not_followed(paths: StationPaths, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another user")
    rows = {row.part_id: row for row in read_inspections(paths.database)}
    raw = paths.state / str(rows["A1"].raw_path)
    raw.unlink()
    raw.symlink_to(secret)
    said = export(paths, tmp_path / "out", "--lot", "A", "--with-evidence")
    assert said["pictures"]["unreadable"] == 1
    assert not (tmp_path / "out" / str(rows["A1"].raw_path)).exists()


def test_a_forged_path_in_a_row_takes_nothing_else_out(paths: StationPaths, tmp_path: Path) -> None:
    with duckdb.connect(str(paths.database)) as log:
        log.execute(
            "UPDATE inspections SET raw_path = 'evidence/../thresholds', map_path = NULL, "
            "prepared_path = '/etc/passwd'"
        )
    shutil.rmtree(paths.published)
    publish(paths)
    said = export(paths, tmp_path / "out", "--with-evidence")
    assert set(said["pictures"]) == {"missing"}
