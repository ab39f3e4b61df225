"""What the log says was in force last must be there, unchanged, when a station starts: no older
record takes over as if somebody had set it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.domain.calibration import calibration_id, starting_calibration
from qc_edge.domain.events import Event
from qc_edge.domain.frame import frame_id
from qc_edge.domain.in_force import InForce
from qc_edge.errors import QcEdgeError, RecordError
from qc_edge.recipe.start_check import check_next_start
from qc_edge.records import acceptances, activations, calibrations, thresholds
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths, load_settings
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.cli.runner import invoke
from tests.station.audit import audit, read_log
from tests.station.harness import (
    NAME,
    Running,
    configure,
    inspect_all,
    make_station,
    running,
    write_bundle,
)
from tests.station.test_activation import by_version, refuse_two
from tests.station.test_score_identity import judged, on, refused
from tests.station.twins import Plan, dependencies

ANNA = ("--by", "anna", "--reason", "two escapes")
BEN = ("--by", "ben", "--reason", "the record was lost")


def command(paths: StationPaths, *words: str) -> None:
    result = invoke(*words, "--root", paths.root)
    assert result.exit_code == 0, result.output


def why_it_does_not_start(paths: StationPaths) -> QcEdgeError:
    before = len(read_log(paths).events_of("in_force"))
    fault = Running(paths.root, dependencies(Plan())).wait_until_ended()
    assert isinstance(fault, QcEdgeError) and fault.exit_code == 65, fault
    log = read_log(paths)
    assert len(log.events_of("in_force")) == before, "nothing else came into force"
    return fault


def two_thresholds(root: Path) -> StationPaths:
    """0.42 by ben was in force, then 0.5 by anna."""
    paths = make_station(root)
    for value, who in (("0.42", BEN), ("0.5", ANNA)):
        command(paths, "threshold", NAME, "set", value, "--yes", *who)
        inspect_all(paths)
    return paths


def newest(directory: Path) -> Path:
    return max(directory.glob("*.toml"))


def rewritten(path: Path, **changes: str) -> None:
    """Write a threshold record anew with other values and a digest that fits them."""
    record = replace(thresholds.load(path.parent, path.stem), **changes)  # type: ignore[arg-type]
    path.unlink()
    for other in path.parent.glob("*.toml"):
        other.rename(other.with_suffix(".other"))
    thresholds.write(path.parent, record)
    for other in path.parent.glob("*.other"):
        other.rename(other.with_suffix(".toml"))


def test_no_older_threshold_takes_over_where_the_newest_is_gone(tmp_path: Path) -> None:
    paths = two_thresholds(tmp_path)
    lost = newest(paths.thresholds)
    lost.unlink()
    fault = why_it_does_not_start(paths)
    assert isinstance(fault, RecordError)
    assert f"thresholds/{lost.name} is missing (sha256 " in fault.message
    assert "by anna: two escapes" in fault.message
    assert f"qc-edge threshold {NAME} set X" in fault.hint

    # The very value that the older record has: what the log says was in force is another.
    command(paths, "threshold", NAME, "set", "0.42", "--yes", *BEN)
    inspect_all(paths)
    event = audit(paths).events_of("threshold")[-1]
    assert (event["before"].split(":")[0], event["who"]) == (lost.stem, "ben")
    assert f"the record before it, thresholds/{lost.name}, is missing" in event["detail"]


def test_check_says_before_a_start_what_would_refuse_it(tmp_path: Path) -> None:
    paths = two_thresholds(tmp_path)
    assert "files that decide are as the log says" in invoke(*check(paths)).output
    lost = newest(paths.thresholds)
    lost.unlink()
    result = invoke(*check(paths))
    assert result.exit_code != 0
    assert f"thresholds/{lost.name} is missing" in " ".join(result.output.split())


def check(paths: StationPaths) -> tuple[str | Path, ...]:
    return "check", NAME, "--root", paths.root


def test_a_threshold_whose_author_was_exchanged_stops_the_start(tmp_path: Path) -> None:
    paths = two_thresholds(tmp_path)
    rewritten(newest(paths.thresholds), made_by="carl")
    assert "has been changed" in why_it_does_not_start(paths).message


def test_a_damaged_threshold_is_got_over_by_a_new_one(tmp_path: Path) -> None:
    paths = two_thresholds(tmp_path)
    damaged = newest(paths.thresholds)
    damaged.write_text(damaged.read_text().replace("value = 0.5", "value = 0.9"))
    assert "has been changed" in why_it_does_not_start(paths).message
    command(paths, "threshold", NAME, "set", "0.45", "--yes", *BEN)
    inspect_all(paths)
    assert (paths.set_aside / f"threshold-{damaged.name}").exists()
    assert "is missing" in audit(paths).events_of("threshold")[-1]["detail"]


def test_no_older_calibration_takes_over_where_the_newest_is_gone(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    calibrate(paths)
    inspect_all(paths)
    lost = newest(paths.calibration / INCOMING)
    lost.unlink()
    fault = why_it_does_not_start(paths)
    assert f"calibration/incoming/{lost.name} is missing" in fault.message
    assert "qc-edge calibrate line1 --camera incoming" in fault.hint
    calibrate(paths, later_s=5)
    inspect_all(paths)
    event = audit(paths).events_of("calibration")[-1]
    assert event["before"] == lost.stem
    assert "is missing" in event["detail"]


def test_a_reload_takes_no_older_calibration_either(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    calibrate(paths)
    with running(paths) as run:
        newest(paths.calibration / INCOMING).unlink()
        run.supervisor.reload()
        run.wait_for(lambda: '"settings_refused"' in journal(paths), "the reload is refused")
    log = read_log(paths)
    assert len(log.events_of("in_force")) == 1
    assert "is missing" in log.events_of("settings_refused")[-1]["detail"]


def journal(paths: StationPaths) -> str:
    return "".join(path.read_text() for path in paths.journal.glob("*.jsonl"))


def calibrate(paths: StationPaths, later_s: int = 0) -> None:
    """A new record for dropped files, as `qc-edge calibrate` writes it."""
    made_at = utc_now().replace(microsecond=0) + timedelta(seconds=later_s)
    record = starting_calibration(NAME, INCOMING, made_at)
    made = replace(
        record,
        calibration_id=calibration_id(made_at, INCOMING),
        made_by="anna",
        due_at=made_at + timedelta(days=90),
        starting=False,
    )
    calibrations.write(paths.calibration, made)


def activated(root: Path) -> StationPaths:
    """corner@2 by anna judges, the settings name corner@1."""
    paths = make_station(root)
    inspect_all(paths)
    write_bundle(paths.models / "corner/2")
    command(paths, "model", "activate", NAME, "corner@2", *ANNA)
    inspect_all(paths)
    return paths


def test_the_settings_bundle_does_not_take_over_where_the_activation_is_gone(
    tmp_path: Path,
) -> None:
    paths = activated(tmp_path)
    lost = newest(paths.activations)
    lost.unlink()
    fault = why_it_does_not_start(paths)
    assert f"activations/{lost.name} is missing" in fault.message
    assert "by anna: two escapes" in fault.message
    assert f"qc-edge model activate {NAME}" in fault.hint
    command(paths, "model", "activate", NAME, "corner@1", *BEN)
    inspect_all(paths)
    event = audit(paths).events_of("model")[-1]
    assert event["who"] == "ben" and event["after"].startswith("corner@1 ")
    assert "is missing" in event["detail"]


def test_an_activation_cannot_be_made_one_that_was_refused(tmp_path: Path) -> None:
    paths = activated(tmp_path)
    outcome = newest(paths.activations).with_suffix(".json")
    values = json.loads(outcome.read_text())
    outcome.write_text(json.dumps(values | {"applied": False, "detail": "no"}))
    assert "says that it was refused: no" in why_it_does_not_start(paths).message


def test_an_activation_that_was_refused_cannot_be_made_one_that_came_into_force(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    write_bundle(paths.models / "corner/2")
    command(paths, "model", "activate", NAME, "corner@2", *ANNA)
    inspect_all(paths, by_version(refuse_two))
    outcome = newest(paths.activations).with_suffix(".json")
    values = json.loads(outcome.read_text())
    assert not values["applied"]
    outcome.write_text(json.dumps(values | {"applied": True, "detail": ""}))
    fault = why_it_does_not_start(paths)
    assert f"activations/{outcome.name} says that the activation came into force" in fault.message
    with pytest.raises(RecordError, match="the log says that it was refused"):
        check_next_start(paths, load_settings(paths.settings), utc_now())
    assert f"qc-edge model activate {NAME} corner@1" in fault.hint
    command(paths, "model", "activate", NAME, "corner@1", *BEN)
    run = inspect_all(paths)
    assert run.status.model == "corner@1"


def test_a_lost_outcome_only_has_the_activation_taken_up_again(tmp_path: Path) -> None:
    paths = activated(tmp_path)
    newest(paths.activations).with_suffix(".json").unlink()
    inspect_all(paths)
    assert activations.load(paths.activations).in_force is not None
    assert len(audit(paths).events_of("model")) == 1


def test_a_bundle_that_was_made_anew_under_its_name_stops_the_start(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    inspect_all(paths)
    manifest = paths.models / "corner/1/bundle.toml"
    manifest.write_text(manifest.read_text().replace("threshold = 0.5", "threshold = 0.9"))
    fault = why_it_does_not_start(paths)
    assert "models/corner/1/bundle.toml has been changed" in fault.message
    command(paths, "model", "activate", NAME, "corner@1", *ANNA)
    inspect_all(paths)
    (event,) = audit(paths).events_of("model")
    assert (event["who"], event["record"].split("/")[0]) == ("anna", "activations")


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_the_settings_in_force_are_kept_anew(tmp_path: Path, harm: str) -> None:
    """They are what /etc says, and the event has their digest."""
    paths = make_station(tmp_path)
    inspect_all(paths)
    (kept,) = paths.settings_history.glob("*.json")
    before = kept.read_bytes()
    if harm == "missing":
        kept.unlink()
    else:
        kept.write_bytes(before.replace(b"60000", b"90000"))
    inspect_all(paths)
    assert kept.read_bytes() == before
    (event,) = audit(paths).events_of("log_mended")
    assert f"settings/{kept.name} " in event["detail"]
    assert bool(list(paths.set_aside.glob("settings-*.json"))) is (harm == "changed")


def test_settings_that_nobody_kept_are_one_event(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    inspect_all(paths)
    (kept,) = paths.settings_history.glob("*.json")
    kept.unlink()
    configure(paths, station={"deadline_ms": 50_000.0})
    inspect_all(paths)
    (event,) = audit(paths).events_of("settings")
    assert event["before"] == kept.stem
    assert "what differs is not known" in event["detail"]


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "gone"])
def test_a_log_of_an_earlier_version_goes_by_ids_and_gets_digests(
    tmp_path: Path, kept: bool
) -> None:
    paths = make_station(tmp_path)
    calibrate(paths)
    own = newest(paths.calibration / INCOMING)
    before = InForce(
        "qc-edge 0.1", "corner@1 sha256 0", "scripted 1", "corner@1:0.5", {INCOMING: own.stem}, "0"
    )
    values = json.loads(before.to_json())
    del values["records"]
    log_event(paths, json.dumps(values))
    if not kept:
        own.unlink()
        fault = why_it_does_not_start(paths)
        assert f"calibration/incoming/{own.name} is missing" in fault.message
        assert "of an earlier version, without a digest" in fault.message
        return
    inspect_all(paths)
    newest_snapshot = json.loads(read_log(paths).events_of("in_force")[-1]["after"])
    assert f"calibration/incoming/{own.name}" in newest_snapshot["records"]


def log_event(paths: StationPaths, after: str) -> None:
    """The snapshot that an earlier version has left in the log."""
    now = utc_now()
    identity = frame_id(round(now.timestamp() * 1e6), "station")
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit([Event(identity, now, NAME, "in_force", "station", "", None, after)], now)
    ledger.close()


def test_accepted_scores_keep_their_record(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    moved = on("2", shift=0.05)
    refused(paths, moved)
    command(paths, "model", "accept", NAME, *ANNA)
    inspect_all(paths, moved)
    lost = newest(paths.acceptances)
    lost.unlink()
    fault = Running(paths.root, moved).wait_until_ended()
    assert isinstance(fault, RecordError)
    assert f"acceptances/{lost.name}" in fault.message
    command(paths, "model", "accept", NAME, *BEN)
    inspect_all(paths, moved)
    event = read_log(paths).events_of("scores_accepted")[-1]
    assert (event["who"], event["record"]) == (
        "ben",
        f"acceptances/{newest(paths.acceptances).name}",
    )
    assert f"in place of acceptances/{lost.name}, which is missing" in event["detail"]
    assert acceptances.load_moved(paths.scores_moved) is None
    inspect_all(paths, moved)
