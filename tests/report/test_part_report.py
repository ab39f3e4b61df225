"""What is gathered of a part, and how evidence that is changed, moved or gone is told."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import duckdb
import pytest

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import HoldReason, Verdict
from qc_edge.errors import UsageError
from qc_edge.query.evidence import EvidenceMatch
from qc_edge.query.typed_rows import read_inspections
from qc_edge.report.check_lines import check_lines
from qc_edge.report.explanation import explain_verdict, headline
from qc_edge.report.gate_lines import gate_lines
from qc_edge.report.identification import identification
from qc_edge.report.part_report import ExaminedInspection, PartReport, examine_part
from qc_edge.report.timeline import timeline
from qc_edge.report.verification_commands import verification_commands
from qc_edge.settings import StationPaths
from qc_edge.vision import pnm
from tests.station.harness import drop, part, running


def one(paths: StationPaths, verdict: Verdict) -> Inspection:
    return next(row for row in read_inspections(paths.database) if row.verdict is verdict)


def seen(paths: StationPaths, verdict: Verdict = Verdict.FAIL) -> ExaminedInspection:
    return examine_part(paths, one(paths, verdict).part_id).last


def own(paths: StationPaths) -> PartReport:
    """Of the frame that the station's own camera took."""
    (row,) = [row for row in read_inspections(paths.database) if row.original_name is None]
    return examine_part(paths, row.part_id, row.frame_id)


def test_a_rejected_part_is_explained_and_everything_comes_out_again(paths: StationPaths) -> None:
    found = seen(paths)
    assert headline(found.row) == "REJECTED"
    assert explain_verdict(found.row).startswith("The model scored the part 0.9020")
    assert found.holds
    assert [check.ok for check in check_lines(found)] == [True] * 5
    assert found.settings_unchanged
    assert found.defect_map.match is EvidenceMatch.SAME and found.defect_map.image is not None
    assert found.defect_map.sha256 == found.row.map_sha256


def test_a_map_of_which_the_row_has_no_digest_is_shown_and_not_vouched_for(
    paths: StationPaths,
) -> None:
    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE inspections SET map_sha256 = NULL")
    assert seen(paths).defect_map.match is EvidenceMatch.UNPROVEN


def test_a_refused_frame_is_explained_by_its_file(paths: StationPaths) -> None:
    found = seen(paths, Verdict.INVALID)
    assert headline(found.row) == "HELD"
    assert "torn_file" in explain_verdict(found.row)
    assert found.holds and found.raw.match is EvidenceMatch.UNPROVEN


@pytest.mark.parametrize("hold", HoldReason)
def test_every_hold_is_explained(paths: StationPaths, hold: HoldReason) -> None:
    assert "held all the same" in explain_verdict(
        replace(one(paths, Verdict.PASS), hold_reason=hold)
    )


def test_labels_and_a_dispute_stand_in_the_timeline(paths: StationPaths) -> None:
    told = [moment.what for moment in timeline(own(paths).last)]
    assert [what.partition(":")[0] for what in told if "label" in what] == [
        "labelled good",
        "labelled defect, scratch",
    ]
    assert told[-1] == "disputed: people do not agree"
    assert any(what.startswith("settings: model.threshold: 0.5 -> 0.4") for what in told)
    assert any("2 frames lost, counter_gap" in what for what in told)
    assert any(what.startswith("started:") for what in told)


def test_the_bounds_are_those_of_the_dated_calibration(paths: StationPaths) -> None:
    found = seen(paths)
    (focus,) = [line for line in gate_lines(found.row, found.calibration) if line.name == "focus"]
    assert (focus.bound, focus.within) == ("at least 80", True)
    (gone,) = [line for line in gate_lines(found.row, None) if line.name == "focus"]
    assert (gone.bound, gone.within) == ("calibration record missing", None)


def test_a_lost_calibration_is_said_and_the_rest_stands(paths: StationPaths) -> None:
    for record in paths.calibration.glob("*/*.toml"):
        record.unlink()
    found = seen(paths)
    assert found.calibration is None and found.recheck.gates is None
    assert "cannot read the calibration" in found.recheck.why_not
    assert found.recheck.verdict and found.recheck.chain


def test_a_swapped_frame_is_reported(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    (paths.state / str(row.raw_path)).write_bytes(cv2.imencode(".png", part(seed=5))[1].tobytes())
    found = examine_part(paths, row.part_id).last
    assert found.raw.match is EvidenceMatch.CHANGED and not found.holds
    assert [check.ok for check in check_lines(found)] == [False, None, None, True, True]


def test_missing_evidence_is_reported(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    for relative in (row.raw_path, row.map_path):
        (paths.state / str(relative)).unlink()
    found = examine_part(paths, row.part_id).last
    assert (found.raw.match, found.defect_map.match) == (
        EvidenceMatch.MISSING,
        EvidenceMatch.MISSING,
    )
    assert "does not exist" in check_lines(found)[0].outcome


def test_a_frame_compressed_since_is_found(paths: StationPaths) -> None:
    raw = paths.state / str(own(paths).last.row.raw_path)
    pixels = pnm.decode_frame(raw.read_bytes())[1].pixels
    assert cv2.imwrite(str(raw.with_suffix(".png")), pixels)
    raw.unlink()
    found = own(paths).last
    assert found.holds and found.raw.compressed
    assert found.raw.path == raw.with_suffix(".png")


def test_a_changed_row_does_not_follow_from_the_one_before(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE inspections SET part_id = 'other' WHERE frame_id = ?", [row.frame_id])
    found = examine_part(paths, "other").last
    assert found.recheck.chain is False and not found.holds


def test_what_is_to_be_typed_by_hand_prints_what_it_must(paths: StationPaths) -> None:
    typed = [
        each for each in verification_commands(own(paths).last) if "pngtopnm" not in each.command
    ]
    assert len(typed) == 3
    for each in typed:
        ran = subprocess.run(
            ["sh", "-c", each.command], cwd=paths.state, capture_output=True, text=True, check=True
        )
        assert ran.stdout.split()[0] == each.expected, each.what


def test_an_unknown_part_gets_the_nearest_ones(paths: StationPaths) -> None:
    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE inspections SET part_id = 'axle-48213' WHERE verdict = 'INVALID'")
    with pytest.raises(UsageError, match="no inspection of part 'axle-48231'") as told:
        examine_part(paths, "axle-48231")
    assert told.value.hint == "did you mean axle-48213?"


def test_a_frame_that_is_not_of_the_part_is_reported(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    with pytest.raises(UsageError, match="no inspection of frame"):
        examine_part(paths, row.part_id, "20200101T000000000000Z-top")
    assert examine_part(paths, row.part_id, row.frame_id).last.row == row


def test_a_running_station_is_asked_through_what_it_publishes(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    with running(paths) as station:
        old = examine_part(paths, row.part_id)
        assert old.place == "the published files" and old.last.holds
        drop(paths, "new.png", part(seed=70))
        station.wait_until_inspected(1)
        parts = [path.name.partition("_")[0] for path in paths.evidence.rglob("*.raw.*")]
        new = examine_part(paths, max((each for each in parts if each.isdigit()), key=int))
        assert "journal" in new.place or new.place == "the published files"
        assert new.last.row.original_name == "new.png" and new.last.holds


def test_a_part_seen_twice_has_both_inspections(paths: StationPaths) -> None:
    with duckdb.connect(str(paths.database)) as log:
        log.execute(
            "UPDATE inspections SET part_id = '77' WHERE verdict <> 'INVALID' AND score > 0.5"
        )
    assert len(examine_part(paths, "77").inspections) == 2


def test_a_station_that_never_ran_knows_no_part(tmp_path: Path, paths: StationPaths) -> None:
    empty = StationPaths(tmp_path / "empty", paths.name)
    with pytest.raises(UsageError, match="no inspection of part '1'"):
        examine_part(empty, "1")


def test_the_local_time_and_the_shift_are_shown_where_the_station_has_them(
    paths: StationPaths,
) -> None:
    assert "at the station" not in dict(identification(seen(paths)))
    text = paths.settings.read_text(encoding="utf-8")
    shift = '\n[[station.shifts]]\nname = "all day"\nstart = "00:00"\n'
    zoned = text.replace("[station]\n", '[station]\ntime_zone = "Asia/Kolkata"\n', 1)
    paths.settings.write_text(zoned.replace('#time_zone = "UTC"\n', "") + shift, encoding="utf-8")
    inspection = seen(paths)
    local = inspection.row.recorded_at + timedelta(hours=5, minutes=30)
    assert dict(identification(inspection))["at the station"] == (
        f"{local:%Y-%m-%d %H:%M:%S} IST, shift all day of {local:%Y-%m-%d}"
    )
