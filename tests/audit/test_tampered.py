"""Records, seals, times and ends of the log, altered as somebody at night would: each is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qc_edge.audit.finding import AuditReport
from qc_edge.audit.verify import verify
from qc_edge.domain.frame import FrameId, frame_id_micros
from qc_edge.records import activations
from qc_edge.settings import INCOMING, StationPaths
from qc_edge.store.log.chain import GENESIS, chain_hash
from tests.audit.rows import publish
from tests.audit.test_planted import kinds, rows
from tests.station.harness import NAME, running


@pytest.fixture
def paths(kept: StationPaths, tmp_path: Path) -> StationPaths:
    """That station in a place of its own."""
    shutil.copytree(kept.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)


def newest(directory: Path, ending: str = "toml") -> Path:
    return max(directory.glob(f"*.{ending}"))


def named(report: AuditReport, kind: str) -> set[str]:
    """Where the findings of that kind are."""
    return {each.where for each in report.findings if each.kind == kind}


def said(report: AuditReport, kind: str) -> str:
    return "\n".join(each.what for each in report.findings if each.kind == kind)


def test_a_station_with_records_of_every_kind_holds(paths: StationPaths) -> None:
    report = verify(paths)
    assert not report.findings, report.findings
    (step,) = [step for step in report.steps if step.name == "records"]
    assert step.count >= 8


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text()
    path.chmod(0o640)
    path.write_text(change(before))
    assert path.read_text() != before


def test_an_edited_threshold_record(paths: StationPaths) -> None:
    record = newest(paths.thresholds)
    edit(record, lambda text: text.replace("value = 0.45", "value = 0.9"))
    report = verify(paths)
    assert kinds(report) == {"record_changed"}
    assert named(report, "record_changed") == {f"thresholds/{record.name}"}
    assert "(threshold, " in said(report, "record_changed")


def test_all_threshold_records_deleted(paths: StationPaths) -> None:
    gone = {f"thresholds/{path.name}" for path in paths.thresholds.iterdir()}
    shutil.rmtree(paths.thresholds)
    report = verify(paths)
    assert kinds(report) == {"record_missing"}
    assert named(report, "record_missing") == gone
    assert "anna" in said(report, "record_missing")


def test_the_author_of_an_activation_exchanged_with_a_digest_that_fits(
    paths: StationPaths,
) -> None:
    record = newest(paths.activations)
    (activation,) = activations.load(paths.activations).decisions
    record.unlink()
    activations.write(paths.activations, replace(activation, made_by="carl"))
    report = verify(paths)
    assert kinds(report) == {"record_changed"}
    assert named(report, "record_changed") == {f"activations/{record.name}"}


@pytest.mark.parametrize(
    "file", ["corner/1/model.onnx", "corner/2/golden/plain.png", "corner/1/bundle.toml"]
)
def test_an_edited_file_of_a_bundle(paths: StationPaths, file: str) -> None:
    path = paths.models / file
    path.write_bytes(path.read_bytes() + b"\n")
    report = verify(paths)
    assert len(report.findings) == 1
    (found,) = report.findings
    assert found.kind == ("record_changed" if file.endswith(".toml") else "bundle_changed")
    assert "/".join(Path(file).parts[:2]) in found.where


def test_deleted_snapshots_of_settings(paths: StationPaths) -> None:
    gone = {f"settings/{path.name}" for path in paths.settings_history.iterdir()}
    assert len(gone) == 2
    shutil.rmtree(paths.settings_history)
    report = verify(paths)
    assert kinds(report) == {"record_missing"}
    assert named(report, "record_missing") == gone


def test_a_deleted_seal_whose_event_stands(paths: StationPaths) -> None:
    (seal,) = (paths.published / "seal").glob("*.json")
    seal.unlink()
    report = verify(paths)
    assert kinds(report) == {"seal_missing"}
    assert named(report, "seal_missing") == {f"published/seal/{seal.name}"}


def test_a_seal_whose_event_is_missing(paths: StationPaths) -> None:
    """Nothing vouches for it then, altered or not."""
    rewrite(paths, lambda log: [row for row in log if row.get("kind") != "sealed"], reseal=False)
    assert "seal_untold" in kinds(verify(paths))


def test_an_altered_seal(paths: StationPaths) -> None:
    (seal,) = (paths.published / "seal").glob("*.json")
    edit(seal, lambda text: text + "\n")
    assert kinds(verify(paths)) == {"seal_changed"}


def test_the_newest_rows_cut_everywhere_with_their_evidence(paths: StationPaths) -> None:
    """A log that agrees with itself; what the station has noted beside it does not."""
    newest = max(str(event["event_id"]) for event in rows(paths, "events"))
    # As a station writes it that ran for longer than these do.
    (paths.state / "frame-clock").write_text(str(frame_id_micros(FrameId(newest)) - 1))
    first = rows(paths)[-2]["chain_seq"]
    cut = rows(paths)[-2:]
    for row in cut:
        for name in ("raw_path", "prepared_path", "map_path"):
            if row[name]:
                (paths.state / row[name]).unlink()
    rewrite(paths, lambda log: log[: first - 1])
    report = verify(paths)
    assert {"taken_without_row", "ids_without_row"} <= kinds(report)
    assert str(cut[-1]["frame_id"]) in said(report, "taken_without_row")


def test_a_log_cut_before_a_change_of_settings(paths: StationPaths) -> None:
    events = rows(paths, "events")
    second = next(event for event in events if event["kind"] == "settings")["chain_seq"]
    (paths.state / "taken-frames").unlink()
    (paths.state / "frame-clock").unlink(missing_ok=True)
    rewrite(paths, lambda log: log[: second - 1])
    assert "record_untold" in kinds(verify(paths))


def test_times_that_run_backwards_along_the_chain(paths: StationPaths) -> None:
    count = len(rows(paths))

    def back(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in log[-count:]:
            at = datetime.fromisoformat(row["recorded_at"]) - timedelta(hours=3)
            row["recorded_at"] = at.isoformat(timespec="microseconds")
        return log

    rewrite(paths, back)
    report = verify(paths)
    assert "time_backwards" in kinds(report)
    assert "3:00:" in said(report, "time_backwards") or "2:59:" in said(report, "time_backwards")


def test_a_clock_that_was_set_back_and_said_so_is_no_finding(paths: StationPaths) -> None:
    def back(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        turn = len(log) - 6
        for row in log[turn:]:
            at = datetime.fromisoformat(row["recorded_at"]) - timedelta(minutes=1)
            row["recorded_at"] = at.isoformat(timespec="microseconds")
        told = next(row for row in log[turn:] if row["table"] == "events")
        told |= {"kind": "clock", "detail": "the wall clock was stepped by -60.0 s"}
        return log

    rewrite(paths, back)
    assert "time_backwards" not in kinds(verify(paths))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("settings_digest", "0" * 64),
        ("calibration_id", "20200101T000000Z-incoming"),
        ("threshold_id", "20200101T000000000000Z:0.45"),
        ("model_version", "1"),
        ("model_sha256", "0" * 64),
        ("engine_version", "99"),
    ],
)
def test_a_row_by_what_was_not_in_force(paths: StationPaths, column: str, value: str) -> None:
    """In a log that was computed anew as a whole: only the snapshots tell."""
    frame = rows(paths)[-2]["frame_id"]

    def change(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        (row,) = [row for row in log if row["table"] == "inspections" and row["frame_id"] == frame]
        assert row[column] != value
        row[column] = value
        return log

    rewrite(paths, change)
    report = verify(paths)
    assert "not_in_force" in kinds(report)
    assert value in said(report, "not_in_force")
    assert any(str(frame) in where for where in named(report, "not_in_force"))


def test_another_threshold_than_the_id_says(paths: StationPaths) -> None:
    frame = rows(paths)[-2]["frame_id"]

    def change(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        (row,) = [row for row in log if row["table"] == "inspections" and row["frame_id"] == frame]
        row["threshold"] = 0.01
        return log

    rewrite(paths, change)
    assert "wrong_threshold" in kinds(verify(paths))


def test_views_in_place_of_the_database(paths: StationPaths) -> None:
    """qa.duckdb has the tables' names, and would agree with the published files for ever."""
    shutil.copy(paths.qa, paths.database)
    assert kinds(verify(paths)) == {"database_unreadable"}


def test_a_record_that_no_person_made(paths: StationPaths) -> None:
    (paths.thresholds / "notes.txt").write_text("0.1")
    assert kinds(verify(paths)) == {"stranger"}


def test_an_outcome_turned_round(paths: StationPaths) -> None:
    outcome = newest(paths.activations, "json")
    edit(outcome, lambda text: text.replace("true", "false"))
    report = verify(paths)
    assert kinds(report) == {"record_changed"}
    assert named(report, "record_changed") == {f"activations/{outcome.name}"}


def test_a_calibration_deleted_that_was_in_force_once(paths: StationPaths) -> None:
    """The first one, of which only the first rows were judged."""
    gone = min((paths.calibration / INCOMING).glob("*.toml"))
    gone.unlink()
    report = verify(paths)
    assert named(report, "record_missing") == {f"calibration/incoming/{gone.name}"}


def test_with_since_the_records_are_held_as_well(paths: StationPaths) -> None:
    shutil.rmtree(paths.thresholds)
    today = datetime.fromisoformat(f"{rows(paths)[0]['recorded_at']:%Y-%m-%d}T00:00+00:00")
    assert "record_missing" in kinds(verify(paths, since=today))
    assert "record_missing" in kinds(verify(paths, since=today + timedelta(days=1)))


def test_a_running_station_is_held_to_its_records(paths: StationPaths) -> None:
    with running(paths):
        assert verify(paths).is_clean
        gone = min(paths.thresholds.glob("*.toml"))
        gone.unlink()
        assert named(verify(paths), "record_missing") == {f"thresholds/{gone.name}"}


def rewrite(
    paths: StationPaths,
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    *,
    reseal: bool = True,
) -> None:
    """What whoever owns all files can do: other rows, every hash anew, all copies to match."""
    files = sorted(paths.journal.glob("*.jsonl"))
    texts = [line.split("\t", 2)[2] for path in files for line in path.read_text().splitlines()]
    sha256, lines = GENESIS, []
    for seq, row in enumerate(change([json.loads(text) for text in texts]), 1):
        text = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        sha256 = chain_hash(sha256, seq, text)
        lines.append(f"{seq}\t{sha256}\t{text}\n")
    for path in files:
        path.unlink()
    files[-1].write_text("".join(lines))
    paths.database.unlink()
    seals = {path.name: path.read_bytes() for path in (paths.published / "seal").glob("*.json")}
    shutil.rmtree(paths.published)
    publish(paths)
    if not reseal:
        (paths.published / "seal").mkdir(exist_ok=True)
        for name, content in seals.items():
            (paths.published / "seal" / name).write_bytes(content)
