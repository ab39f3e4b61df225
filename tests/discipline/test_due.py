"""What has a date: where it is found, when it is said, and when the station is not ready for it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qc_edge.cli import app
from qc_edge.discipline.due.calendar import DueKind, due_dates, troubles, warnings
from qc_edge.discipline.msa.station import keep_study
from qc_edge.domain.calibration import starting_calibration
from qc_edge.records import calibrations
from qc_edge.settings import StationPaths, load_settings
from qc_edge.station.discipline.due_watch import DueWatch
from qc_edge.web.certificate import own_certificate
from tests.publish.rows import log

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)

TEXT = """\
[station]
name = "line1"
[due]
signing_key = "not_ready"
token = "ignore"
[[due.dates]]
name = "quality@plant"
kind = "signing_key"
until = "2026-11-20"
[[due.dates]]
name = "gauge block 7"
kind = "certificate"
until = "2026-12-05"
"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    paths = StationPaths(tmp_path_factory.mktemp("due"), "line1")
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(TEXT)
    with log(paths.state, compared=NOW) as written:
        written.publisher.compare(NOW)
    calibrations.write(paths.calibration, starting_calibration("line1", "top", NOW))
    own_certificate(paths.page, ["line1"])
    token = {"name": "mes", "expires": (NOW + timedelta(days=3)).timestamp()}
    paths.page_tokens.write_text(json.dumps({"format": 1, "tokens": [token]}))
    values = {"verdict": "acceptable"}
    for days in (400, 355):
        keep_study(paths, "attribute", values, [], "anna", NOW - timedelta(days=days))
    return paths


def test_everything_with_a_date_is_in_one_calendar_what_comes_first_at_the_top(
    paths: StationPaths,
) -> None:
    dates = due_dates(paths, load_settings(paths.settings))
    assert [(each.kind, each.name) for each in dates[:4]] == [
        (DueKind.SIGNING_KEY, "quality@plant"),
        (DueKind.TOKEN, "mes"),
        (DueKind.CERTIFICATE, "gauge block 7"),
        (DueKind.MSA, "attribute"),
    ]
    assert {each.kind for each in dates[4:]} == {DueKind.CALIBRATION, DueKind.CERTIFICATE}


def test_what_comes_near_is_said_and_what_is_past_keeps_from_ready_where_that_is_the_policy(
    paths: StationPaths,
) -> None:
    settings = load_settings(paths.settings)
    dates = due_dates(paths, settings)
    assert warnings(dates, settings.due, NOW) == [
        "PAST DUE: signing key quality@plant",
        "due: certificate gauge block 7 in 8 d",
        "due: msa attribute in 10 d",
    ]
    assert troubles(dates, NOW) == ["PAST DUE: signing key quality@plant"]
    assert troubles(dates, NOW - timedelta(days=30)) == []


def test_the_station_looks_by_itself(paths: StationPaths) -> None:
    watch = DueWatch(paths, lambda: load_settings(paths.settings))
    assert watch.troubles() == []
    watch.look()
    assert watch.troubles() == ["PAST DUE: signing key quality@plant"]
    assert not {*watch.troubles()} & {*watch.warnings()}, "nothing is said twice"


def held_by(paths: StationPaths, policy: str, directory: Path) -> DueWatch:
    """Of a station of its own with these dates."""
    own = StationPaths(directory, "line1")
    own.settings.parent.mkdir(parents=True)
    own.settings.write_text(paths.settings.read_text().replace('"not_ready"', f'"{policy}"', 1))
    return DueWatch(own, lambda: load_settings(own.settings))


@pytest.mark.parametrize(
    ("policy", "holds"), [("ignore", False), ("warn", False), ("hold", True), ("not_ready", True)]
)
def test_what_is_past_holds_every_part_where_that_is_the_policy(
    paths: StationPaths, tmp_path: Path, policy: str, holds: bool
) -> None:
    """Also while nobody has looked yet; and not before its day is over."""
    watch = held_by(paths, policy, tmp_path)
    assert bool(watch.held_for(NOW)) is holds
    watch.look()
    named = "signing key quality@plant since 2026-11-21" if holds else ""
    assert watch.held_for(NOW) == named
    assert watch.held_for(datetime(2026, 11, 20, 23, 59, tzinfo=timezone.utc)) == ""
    said = [each for each in watch.warnings() if "HOLD" in each]
    assert said == (
        ["PAST DUE: signing key quality@plant: every part is HOLD"] if policy == "hold" else []
    )


def test_a_policy_that_is_changed_is_in_force_at_once(paths: StationPaths, tmp_path: Path) -> None:
    watch = held_by(paths, "warn", tmp_path)
    watch.look()
    own = StationPaths(tmp_path, "line1").settings
    own.write_text(own.read_text().replace('"warn"', '"hold"'))
    assert watch.held_for(NOW) == "the dates are not known yet", "nobody has looked by it"
    assert watch.warnings()[0] == "due: the dates are not known yet: every part is HOLD"
    watch.look()
    assert "quality@plant" in watch.held_for(NOW)
    own.write_text(own.read_text().replace('"hold"', '"warn"'))
    assert not watch.held_for(NOW)


def test_a_date_that_never_comes_is_one(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.settings.parent.mkdir(parents=True)
    never = TEXT.replace("2026-12-05", "9999-12-31").replace(
        "[due]", 'time_zone = "Asia/Tokyo"\n[due]'
    )
    paths.settings.write_text(never)
    told = CliRunner().invoke(app, ["due", "line1", "--root", str(tmp_path)])
    assert told.exit_code == 0 and "gauge block 7" in told.output, told.exception


def test_a_study_of_a_column_with_any_name_stays_among_the_studies(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    kept = keep_study(paths, "gauge-../mm / s", {"verdict": ""}, [], "anna", NOW)
    assert kept.parent == paths.state / "msa" and kept.name.endswith("Z-gauge-_mm_s.json")


def test_a_fault_of_the_calendar_is_logged_and_no_end_of_the_station(
    paths: StationPaths, caplog: pytest.LogCaptureFixture
) -> None:
    DueWatch(paths, lambda: 1 / 0).look()  # type: ignore[arg-type, return-value]
    assert "dates that are due: ZeroDivisionError" in caplog.text


def test_the_command_lists_them(paths: StationPaths) -> None:
    told = CliRunner().invoke(app, ["due", "line1", "--root", str(paths.root), "--json"])
    assert json.loads(told.output)[0]["kind"] == "signing_key"
    shown = CliRunner().invoke(app, ["due", "line1", "--root", str(paths.root)])
    assert "quality@plant" in shown.output


def test_a_station_without_dates_says_so(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text('[station]\nname = "line1"\n')
    told = CliRunner().invoke(app, ["due", "line1", "--root", str(tmp_path)])
    assert "nothing with a date" in told.output
