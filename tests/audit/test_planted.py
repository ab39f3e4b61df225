"""What somebody may do to a station's files at night, planted; the audit finds each, and nothing
else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import duckdb
import numpy as np
import pytest

from qc_edge.audit.finding import AuditReport, Severity
from qc_edge.audit.verify import verify
from qc_edge.domain.events import Event
from qc_edge.domain.frame import frame_id
from qc_edge.domain.inspection import COLUMNS
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.vision import pnm
from tests.audit.rows import publish
from tests.station.harness import NAME


def kinds(report: AuditReport) -> set[str]:
    """The codes of what was found, but for notes."""
    return {each.kind for each in report.findings if each.severity is not Severity.NOTE}


def rows(paths: StationPaths, table: str = "inspections") -> list[dict[str, Any]]:
    """A table of the database, in order of the chain."""
    with duckdb.connect(str(paths.database), read_only=True) as log:
        found = log.execute(f"SELECT * FROM {table} ORDER BY chain_seq")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def change_database(paths: StationPaths, statement: str) -> None:
    with duckdb.connect(str(paths.database)) as log:
        log.execute(statement)


def published(paths: StationPaths, table: str) -> Path:
    """The last hour of a table that has rows."""
    return max((paths.published / table).glob("*/*.parquet"))


def change_published(file: Path, query: str) -> None:
    """Write the file anew from `query` over {rows}."""
    changed = file.with_suffix(".new")
    with duckdb.connect() as log:
        source = f"read_parquet('{file}', hive_partitioning = false)"
        log.execute(f"COPY ({query.replace('{rows}', source)}) TO '{changed}' (FORMAT parquet)")
    changed.replace(file)


def change_journal(paths: StationPaths, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the hour in which parts were judged."""
    path = next(
        path
        for path in sorted(paths.journal.glob("*.jsonl"))
        if '"inspections"' in path.read_text()
    )
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def one(paths: StationPaths, verdict: str = "FAIL") -> dict[str, Any]:
    """An inspection with that verdict, as the database has it."""
    return next(row for row in rows(paths) if row["verdict"] == verdict)


def test_a_station_at_rest_holds(paths: StationPaths) -> None:
    report = verify(paths)
    assert not report.findings, report.findings
    counts = {step.name: step.count for step in report.steps}
    assert counts["chain"] == sum(len(rows(paths, table)) for table in COLUMNS)
    assert counts["evidence"] == 7 * 2 + 4  # raw and prepared, and the maps of FAIL and near


def test_a_sealed_station_holds(paths: StationPaths) -> None:
    publish(paths, seal=True)
    assert verify(paths).is_clean


def test_a_score_changed_in_the_database_is_found(paths: StationPaths) -> None:
    change_database(
        paths, f"UPDATE inspections SET score = 0.1 WHERE frame_id = '{one(paths)['frame_id']}'"
    )
    report = verify(paths)
    assert kinds(report) == {"database_changed", "wrong_verdict"}
    (found,) = [each for each in report.findings if each.kind == "database_changed"]
    assert "score is 0.1, the journal says 0.90" in found.what


def test_a_score_changed_with_its_verdict_is_found(paths: StationPaths) -> None:
    change_database(
        paths,
        "UPDATE inspections SET score = 0.1, verdict = 'PASS', disposition = 'ACCEPT', "
        "reason = 'score_below_threshold', needs_review = false WHERE frame_id = "
        f"'{one(paths)['frame_id']}'",
    )
    assert kinds(verify(paths)) == {"database_changed"}


def test_a_score_changed_in_a_published_file_is_found(paths: StationPaths) -> None:
    change_published(
        published(paths, "inspections"),
        "SELECT * REPLACE (CASE WHEN verdict = 'FAIL' THEN 0.51 ELSE score END AS score) FROM "
        "{rows} "
        "ORDER BY chain_seq",
    )
    report = verify(paths)
    assert kinds(report) == {"published_changed"}
    assert "score is 0.51" in report.findings[0].what


def test_a_score_changed_in_the_journal_is_found(paths: StationPaths) -> None:
    change_journal(
        paths, lambda lines: [line.replace('"score":0.9', '"score":0.6') for line in lines]
    )
    assert kinds(verify(paths)) == {"journal_changed"}


def test_a_changed_hash_is_found(paths: StationPaths) -> None:
    change_database(
        paths,
        "UPDATE inspections SET chain_hash = sha256('x') WHERE frame_id = "
        f"'{one(paths)['frame_id']}'",
    )
    assert kinds(verify(paths)) == {"database_changed"}


def test_a_row_deleted_from_the_database_is_found(paths: StationPaths) -> None:
    change_database(paths, f"DELETE FROM inspections WHERE frame_id = '{one(paths)['frame_id']}'")
    found = kinds(verify(paths))
    assert "database_missing" in found
    assert found <= {"database_missing", "evidence_orphan", "taken_without_row"}


def test_a_row_deleted_from_a_published_file_is_found(paths: StationPaths) -> None:
    frame = one(paths)["frame_id"]
    change_published(
        published(paths, "inspections"),
        f"SELECT * FROM {{rows}} WHERE frame_id <> '{frame}' ORDER BY chain_seq",
    )
    assert kinds(verify(paths)) == {"published_missing"}


def test_a_row_deleted_from_the_journal_is_found(paths: StationPaths) -> None:
    frame = str(one(paths)["frame_id"])
    change_journal(
        paths, lambda lines: [line for line in lines if frame not in line or "labels" in line]
    )
    assert kinds(verify(paths)) == {"journal_missing"}


def test_the_newest_rows_deleted_from_the_journal_are_found(paths: StationPaths) -> None:
    change_journal(paths, lambda lines: lines[:-3])
    assert kinds(verify(paths)) == {"journal_missing"}


def test_a_row_deleted_everywhere_is_found(paths: StationPaths) -> None:
    frame = str(one(paths)["frame_id"])
    change_database(paths, f"DELETE FROM inspections WHERE frame_id = '{frame}'")
    change_published(
        published(paths, "inspections"), f"SELECT * FROM {{rows}} WHERE frame_id <> '{frame}'"
    )
    change_journal(paths, lambda lines: [line for line in lines if frame not in line])
    assert kinds(verify(paths)) >= {"journal_missing", "evidence_orphan"}


def test_a_label_edited_in_the_database_is_found(paths: StationPaths) -> None:
    change_database(paths, "UPDATE labels SET label = 'good' WHERE who = 'ben'")
    report = verify(paths)
    assert kinds(report) == {"database_changed"}
    assert "label is 'good', the journal says 'defect'" in report.findings[0].what


def test_a_label_edited_in_a_published_file_is_found(paths: StationPaths) -> None:
    change_published(
        published(paths, "labels"),
        "SELECT * REPLACE ('mallory' AS who) FROM {rows} ORDER BY chain_seq",
    )
    assert kinds(verify(paths)) == {"published_changed"}


def test_without_the_journal_the_hashes_decide(paths: StationPaths) -> None:
    shutil.rmtree(paths.journal)
    paths.journal.mkdir()
    assert verify(paths).is_clean
    change_database(paths, "UPDATE labels SET label = 'good' WHERE who = 'ben'")
    assert kinds(verify(paths)) == {"database_changed"}


def test_a_truncated_published_file_is_found(paths: StationPaths) -> None:
    file = published(paths, "inspections")
    file.write_bytes(file.read_bytes()[:-100])
    assert kinds(verify(paths)) == {"file_damaged", "published_missing"}


def test_a_published_file_deleted_by_hand_is_found(paths: StationPaths) -> None:
    published(paths, "gaps").unlink()
    assert kinds(verify(paths)) == {"published_missing"}


def test_an_hour_in_another_order_is_found(paths: StationPaths) -> None:
    change_published(
        published(paths, "inspections"), "SELECT * FROM {rows} ORDER BY chain_seq DESC"
    )
    assert kinds(verify(paths)) == {"wrong_order"}


def test_an_hour_under_another_name_is_found(paths: StationPaths) -> None:
    file = published(paths, "inspections")
    other = "hour=03.parquet" if file.name != "hour=03.parquet" else "hour=04.parquet"
    file.rename(file.with_name(other))
    assert kinds(verify(paths)) == {"wrong_hour"}


def test_a_journal_in_another_order_is_found(paths: StationPaths) -> None:
    change_journal(paths, lambda lines: lines[::-1])
    assert kinds(verify(paths)) == {"journal_order"}


def test_a_changed_file_of_a_sealed_day_is_found(paths: StationPaths) -> None:
    publish(paths, seal=True)
    file = published(paths, "inspections")
    change_published(file, "SELECT * FROM {rows} ORDER BY chain_seq")
    assert kinds(verify(paths)) == {"sealed_file_changed"}


def test_a_changed_seal_is_found(paths: StationPaths) -> None:
    publish(paths, seal=True)
    (seal,) = (paths.published / "seal").glob("*.json")
    values = json.loads(seal.read_bytes())
    values["files"][0]["sha256"] = hashlib.sha256(b"").hexdigest()
    seal.chmod(0o640)
    seal.write_text(json.dumps(values))
    assert kinds(verify(paths)) >= {"sealed_file_changed"}


def test_a_seal_that_is_not_the_one_that_was_written_is_found(paths: StationPaths) -> None:
    publish(paths, seal=True)
    (seal,) = (paths.published / "seal").glob("*.json")
    day, now = seal.stem.removeprefix("date="), utc_now()
    identity = frame_id(round(now.timestamp() * 1e6), "station")
    words, digest = f"{day} is sealed: some rows", hashlib.sha256(seal.read_bytes()).hexdigest()
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.close_days([now.date()])
    ledger.commit([Event(identity, now, NAME, "sealed", "station", words, None, digest)], now)
    ledger.close()
    publish(paths)
    assert verify(paths).is_clean
    seal.chmod(0o640)
    seal.write_bytes(seal.read_bytes() + b"\n")
    assert kinds(verify(paths)) == {"seal_changed"}


def raw_of(paths: StationPaths, row: dict[str, Any]) -> Path:
    return paths.state / str(row["raw_path"])


def test_a_swapped_picture_is_found(paths: StationPaths) -> None:
    first, second = [row for row in rows(paths) if row["verdict"] == "FAIL"][:2]
    shutil.copy(raw_of(paths, first), raw_of(paths, second))
    report = verify(paths)
    assert kinds(report) == {"raw_changed"}
    assert str(second["frame_id"]) in report.findings[0].where


def test_a_swapped_prepared_input_is_found(paths: StationPaths) -> None:
    first, second = [row for row in rows(paths) if row["verdict"] == "FAIL"][:2]
    shutil.copy(paths.state / first["prepared_path"], paths.state / second["prepared_path"])
    assert kinds(verify(paths)) == {"prepared_changed"}


def test_a_swapped_defect_map_is_found(paths: StationPaths) -> None:
    first, second = [row for row in rows(paths) if row["verdict"] == "FAIL"][:2]
    white = np.full((32, 32), 255, np.uint8)
    assert cv2.imwrite(str(paths.state / first["map_path"]), white)
    found = verify(paths)
    assert kinds(found) == {"map_changed"}
    assert str(first["frame_id"]) in found.findings[0].where
    (paths.state / second["map_path"]).write_bytes(b"no image")
    assert kinds(verify(paths)) == {"map_changed", "map_unreadable"}


def test_a_log_before_maps_had_digests_is_held_as_far_as_it_goes(paths: StationPaths) -> None:
    """As an upgraded station has it before its first start: the rows that have no map are whole."""
    change_database(paths, "ALTER TABLE inspections DROP COLUMN map_sha256")
    for file in (paths.published / "inspections").glob("*/*.parquet"):
        change_published(file, "SELECT * EXCLUDE map_sha256 FROM {rows}")
    found = verify(paths)
    assert kinds(found) == {"database_changed", "published_changed"}
    with_map = sum(row["map_path"] is not None for row in rows(paths))
    assert found.count(Severity.FAULT) == 2 * with_map
    assert next(step for step in found.steps if step.name == "evidence").count > with_map


@pytest.mark.parametrize("column", ["raw_path", "prepared_path", "map_path"])
def test_missing_evidence_is_found(paths: StationPaths, column: str) -> None:
    (paths.state / str(one(paths)[column])).unlink()
    assert kinds(verify(paths)) == {f"{column.removesuffix('_path')}_missing"}


def test_a_frame_compressed_without_loss_is_no_finding(paths: StationPaths) -> None:
    (own,) = [row for row in rows(paths) if row["original_name"] is None]
    raw = raw_of(paths, own)
    image = pnm.decode_frame(raw.read_bytes())[1]
    assert cv2.imwrite(str(raw.with_suffix(".png")), image.pixels)
    raw.unlink()
    assert verify(paths).is_clean


def test_a_frame_that_came_back_with_foreign_content_is_told_and_its_picture_not_blamed(
    paths: StationPaths,
) -> None:
    """As after a power cut on ext4 with data=writeback, once the frame was compressed."""
    (own,) = [row for row in rows(paths) if row["original_name"] is None]
    raw = raw_of(paths, own)
    image = pnm.decode_frame(raw.read_bytes())[1]
    assert cv2.imwrite(str(raw.with_suffix(".png")), image.pixels)
    raw.write_bytes(raw.read_bytes()[:-1] + b"\0")
    report = verify(paths)
    assert kinds(report) == {"evidence_leftover"}
    (finding,) = [each for each in report.findings if each.kind == "evidence_leftover"]
    assert finding.where.endswith(raw.name)


def test_a_dropped_picture_compressed_again_is_no_finding(paths: StationPaths) -> None:
    raw = raw_of(paths, one(paths))
    pixels = cv2.imread(str(raw), cv2.IMREAD_UNCHANGED)
    before = raw.read_bytes()
    assert pixels is not None and cv2.imwrite(str(raw), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert raw.read_bytes() != before
    assert verify(paths).is_clean


def test_evidence_without_a_row_is_found(paths: StationPaths) -> None:
    raw = raw_of(paths, one(paths))
    shutil.copy(raw, raw.with_name("77_20260101T000000000000Z-top.raw.png"))
    assert kinds(verify(paths)) == {"evidence_orphan"}


def test_a_quarantined_file_without_a_row_is_found(paths: StationPaths) -> None:
    torn = raw_of(paths, one(paths, "INVALID"))
    shutil.copy(torn, torn.with_name("20260101T000000000000Z-incoming~x.png"))
    assert kinds(verify(paths)) == {"quarantine_orphan"}


def test_what_waits_in_the_spool_is_a_note(paths: StationPaths) -> None:
    (paths.frames / "20260101T000000000000Z-top.pgm").write_bytes(b"P5")
    report = verify(paths)
    assert report.is_clean
    assert [each.kind for each in report.findings] == ["spool"]


def test_a_hole_in_the_camera_numbers_is_found(paths: StationPaths) -> None:
    """The gap of frames 2 and 3 is told of; then a later frame leaves out number 5."""
    later = "2099" + str(one(paths)["frame_id"])[4:].replace("incoming", "top")
    for number, frame in ((4, later), (6, later.replace("2099", "2100", 1))):
        change_database(
            paths,
            f"INSERT INTO inspections SELECT * REPLACE ('{frame}' AS frame_id, 'top' AS camera, "
            f"{number} AS camera_frame_number, NULL AS original_name, "
            "chain_seq + 1000 * camera_frame_number AS chain_seq) "
            "FROM inspections WHERE camera_frame_number = 1",
        )
    (found,) = [each for each in verify(paths).findings if each.kind == "count_open"]
    assert found.what.startswith("1 exposure of camera top") and "number 5" in found.what


def test_no_end_of_findings_is_listed(paths: StationPaths) -> None:
    raw = raw_of(paths, one(paths))
    for number in range(60):
        shutil.copy(raw, raw.with_name(f"77_20260101T0000000000{number:02}Z-top.raw.png"))
    report = verify(paths)
    assert (len(report.findings), report.count(Severity.FAULT)) == (50, 60)
    assert report.not_listed == {"evidence_orphan": 10}


def test_a_name_in_a_published_file_that_is_no_text_is_found(paths: StationPaths) -> None:
    """DuckDB says so in words that quote it, which Python then cannot read."""
    file = max(paths.published.glob("events/*/*.parquet"))
    content = file.read_bytes()
    assert b"chain_seq" in content
    file.write_bytes(content.replace(b"chain_seq", b"\xd6hain_seq"))
    report = verify(paths)
    name = file.relative_to(paths.published).as_posix()
    assert any(name in finding.where for finding in report.findings), report.findings
