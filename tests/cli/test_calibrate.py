"""`qc-edge calibrate` proposes bounds from known-good parts, and writes only when it is told to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import pytest

from qc_edge.domain.verdict import Verdict
from qc_edge.errors import CalibrationError, QcEdgeError, StationAbsentError, UsageError
from qc_edge.records import calibrations
from qc_edge.rendered import render
from qc_edge.service.lock import StationLock
from qc_edge.settings import StationPaths
from qc_edge.setup.new_station import CameraChoice, provision
from qc_edge.store.durable import Disk
from qc_edge.store.log import chain
from qc_edge.store.log.journal import Journal
from tests.cli.runner import invoke, run
from tests.demo.rows import NOW, inspection

SIZE = (320, 256)
GOOD = 6


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Known-good parts; not to be changed."""
    directory = tmp_path_factory.mktemp("good")
    for seed in range(GOOD):
        cv2.imwrite(str(directory / f"good-{seed}.png"), render(seed, size=SIZE).pixels)
    return directory


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    """A station with one camera, and with the bounds that every station starts with."""
    return provision(tmp_path, "line1", CameraChoice("basler")).paths


def calibrated(paths: StationPaths, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    result = invoke(
        "calibrate", "line1", "--by", "M. Huber", "--root", paths.root, "--json", *arguments
    )
    assert (getattr(result.exception, "exit_code", result.exit_code) or 0) == code, result.exception
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def refused(paths: StationPaths, *arguments: str | Path) -> QcEdgeError:
    fault = invoke("calibrate", "--root", paths.root, *arguments).exception
    assert isinstance(fault, QcEdgeError), fault
    return fault


def keep(paths: StationPaths, verdicts: Sequence[Verdict]) -> None:
    """Inspections in the journal, one part each, with their frames among the evidence."""
    hour = paths.evidence / "2026-11-22/10"
    hour.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, verdict in enumerate(verdicts):
        cv2.imwrite(str(hour / f"{number}.raw.pgm"), render(number, size=SIZE).pixels)
        raw_path = f"evidence/2026-11-22/10/{number}.raw.pgm"
        width, height = SIZE
        rows.append(inspection(number, verdict, raw_path=raw_path, width=width, height=height))
    journal = Journal(paths.journal, Disk())
    journal.append([chain.link(row, seq, "0" * 64) for seq, row in enumerate(rows, 1)], NOW)
    journal.close()


def test_nothing_is_written_without_yes(paths: StationPaths, parts: Path) -> None:
    before = calibrations.load_current(paths.calibration, "top")
    said = calibrated(paths, "--from", parts)
    assert said["written"] is None
    assert {change["bound"] for change in said["changes"]} >= {"focus_min", "framing_score_min"}
    assert calibrations.load_current(paths.calibration, "top") == before


def test_yes_puts_a_dated_record_in_force(paths: StationPaths, parts: Path) -> None:
    [first] = (paths.calibration / "top").iterdir()
    first.rename(first.with_name("20200101T000000Z-top.toml.off"))
    said = calibrated(paths, "--from", parts, "--due-days", "90", "--yes")
    record = calibrations.load_current(paths.calibration, "top")
    assert said["written"].endswith(f"{record.calibration_id}.toml")
    assert (record.made_by, (record.due_at - record.made_at).days) == ("M. Huber", 90)
    assert str(parts) in record.source
    assert not record.starting
    assert (record.width, record.height) == SIZE
    assert record.framing is not None


def test_the_last_frames_that_passed_are_looked_at(paths: StationPaths) -> None:
    keep(
        paths,
        [Verdict.PASS, Verdict.FAIL, Verdict.PASS, Verdict.INVALID, Verdict.PASS, Verdict.PASS],
    )
    said = calibrated(paths, "--frames", "3")
    assert [Path(file).name for file in said["frames"]] == ["5.raw.pgm", "4.raw.pgm", "2.raw.pgm"]
    assert said["proposed"]["source"].startswith("the last 3 frames that PASSed")


def test_a_running_station_does_not_stand_in_the_way(paths: StationPaths) -> None:
    keep(paths, [Verdict.PASS] * 3)
    with StationLock(paths.lock("inspect")):
        ran = run("calibrate", "line1", "--by", "M. Huber", "--root", paths.root)
        assert ran.returncode == 0, ran.stderr
        assert "focus_min" in ran.stdout
        assert "nothing is written" in ran.stdout


def test_frames_that_were_compressed_or_removed_are_known(paths: StationPaths) -> None:
    keep(paths, [Verdict.PASS] * 5)
    hour = paths.evidence / "2026-11-22/10"
    cv2.imwrite(str(hour / "3.raw.png"), render(3, size=SIZE).pixels)
    for gone in ("3.raw.pgm", "4.raw.pgm"):
        (hour / gone).unlink()
    said = calibrated(paths)
    assert Path(said["frames"][0]).name == "3.raw.png"
    assert any("1 newer frames" in warning for warning in said["warnings"])


def test_a_half_written_line_of_the_journal_is_left_out(paths: StationPaths) -> None:
    keep(paths, [Verdict.PASS] * 3)
    [journal] = paths.journal.glob("*.jsonl")
    journal.write_bytes(journal.read_bytes() + b'4\tabc\t{"table":"inspec')
    assert len(calibrated(paths)["frames"]) == 3


def test_a_station_that_has_passed_nothing_says_what_to_do(paths: StationPaths) -> None:
    fault = refused(paths, "line1", "--by", "x")
    assert isinstance(fault, UsageError)
    assert "--from" in fault.hint


def test_frames_that_differ_too_much_give_no_calibration(
    paths: StationPaths, parts: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for file in parts.iterdir():
        (mixed / file.name).write_bytes(file.read_bytes())
    cv2.imwrite(str(mixed / "odd.png"), render(99, size=(200, 200)).pixels)
    (mixed / "torn.png").write_bytes((parts / "good-0.png").read_bytes()[:500])
    said = calibrated(paths, "--from", mixed, "--yes", code=65)
    assert said["proposed"] is None
    assert said["written"] is None
    assert "torn.png" in said["faults"][0]
    assert "odd.png" in said["faults"][1]
    assert calibrations.load_current(paths.calibration, "top").starting


def test_a_damaged_record_can_be_replaced_and_is_reported(paths: StationPaths, parts: Path) -> None:
    [record] = (paths.calibration / "top").iterdir()
    record.write_text(record.read_text().replace("focus_min = 80.0", "focus_min = 8.0"))
    assert "has been changed" in calibrated(paths, "--from", parts)["warnings"][0]


def test_bad_questions_are_answered(paths: StationPaths, parts: Path, tmp_path: Path) -> None:
    by = ("--by", "M. Huber")
    assert isinstance(refused(paths, "lin1", *by), StationAbsentError)
    assert "did you mean 'line1'" in str(refused(paths, "lin1", *by))
    assert "did you mean 'top'" in str(refused(paths, "line1", *by, "--camera", "tip"))
    assert "exclude each other" in str(
        refused(paths, "line1", *by, "--from", parts, "--frames", "3")
    )
    assert "--by is empty" in str(refused(paths, "line1", "--by", " "))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no image in" in str(refused(paths, "line1", *by, "--from", empty))
    assert "cannot list" in str(refused(paths, "line1", *by, "--from", tmp_path / "nowhere"))


def test_two_frames_are_too_few(paths: StationPaths) -> None:
    keep(paths, [Verdict.PASS] * 2)
    fault = refused(paths, "line1", "--by", "x")
    assert isinstance(fault, CalibrationError)
    assert "only 2 frames" in fault.message


def test_the_stations_own_frames_of_any_verdict_are_looked_at(paths: StationPaths) -> None:
    keep(paths, [Verdict.INVALID] * 4 + [Verdict.FAIL] * 2)
    fault = refused(paths, "line1", "--by", "x")
    assert "--from recent --any-verdict" in fault.hint
    said = calibrated(paths, "--from", "recent", "--any-verdict")
    assert len(said["frames"]) == 6
    assert said["proposed"]["source"].startswith("the last 6 frames, ")
    assert said["proposed"]["sizes"] is None


@pytest.mark.parametrize(
    "options",
    [
        ("--learn", "5", "--any-verdict"),
        ("--learn", "5", "--from", "good"),
        ("--from", "good", "--any-verdict"),
        ("--from", "good", "--frames", "5"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    paths: StationPaths, options: tuple[str, ...]
) -> None:
    assert isinstance(refused(paths, "line1", "--by", "x", *options), UsageError)


def test_learning_begins_with_yes_and_the_frames_since_then_are_proposed_from(
    paths: StationPaths,
) -> None:
    before = calibrations.load_current(paths.calibration, "top")
    said = run("calibrate", "line1", "--by", "Ada", "--learn", "5", "--root", paths.root)
    assert "every part is HOLD" in said.stdout
    assert calibrations.load_current(paths.calibration, "top") == before
    [first] = (paths.calibration / "top").iterdir()
    first.rename(first.with_name("20200101T000000Z-top.toml.off"))
    run("calibrate", "line1", "--by", "Ada", "--learn", "5", "--yes", "--root", paths.root)
    learning = calibrations.load_current(paths.calibration, "top")
    assert (learning.learning, learning.made_by, learning.bounds.focus_min) == (5, "Ada", 0.0)
    fault = refused(paths, "line1", "--by", "Ada")
    assert "has no frame of camera 'top' yet" in fault.message


def test_a_camera_that_was_added_later_begins_by_learning(paths: StationPaths) -> None:
    paths.settings.write_text(f'{paths.settings.read_text()}\n[[camera]]\nname = "left"\n')
    with pytest.raises(CalibrationError) as missing:
        calibrations.load_current(paths.calibration, "left")
    assert "qc-edge calibrate line1 --camera left --learn 50" in missing.value.hint
    command = ("calibrate", "line1", "--camera", "left", "--learn", "50", "--by", "Ada", "--yes")
    assert run(*command, "--root", paths.root).returncode == 0
    assert calibrations.load_current(paths.calibration, "left").learning == 50
