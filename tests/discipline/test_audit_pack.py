"""The pack for an audit: what is in it, whether it is whole, and what is said of an empty one."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qc_edge.bundles.signing import make_key
from qc_edge.cli import app
from qc_edge.discipline.audit_pack.checking import check_pack
from qc_edge.discipline.audit_pack.clauses import CLAUSES
from qc_edge.discipline.audit_pack.period import parse_audit_period
from qc_edge.discipline.audit_pack.tables import pack_tables
from qc_edge.domain.challenges.rows import ChallengePart
from qc_edge.domain.station_calendar import UTC_CALENDAR
from qc_edge.errors import QcEdgeError, UsageError
from qc_edge.query.published_log import PublishedLog
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from tests.audit.conftest import station_at_rest
from tests.publish.rows import log, new_id

__all__ = ["station_at_rest"]

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["audit-pack", *map(str, arguments)])


@pytest.fixture(scope="module")
def pack(
    station_at_rest: StationPaths, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A signed pack of the year, and the public key."""
    directory = tmp_path_factory.mktemp("pack")
    public = make_key(directory / "key.pem")
    year = f"{utc_now():%Y}"
    made = call(
        *(station_at_rest.name, "--root", station_at_rest.root, "--period", year),
        *("--out", directory / "pack.zip", "--key", directory / "key.pem"),
    )
    assert made.exit_code == 0, made.exception
    return directory / "pack.zip", public


def test_a_signed_pack_is_whole_and_names_its_key(pack: tuple[Path, str]) -> None:
    file, public = pack
    told = call("--check", file, "--key", public)
    assert told.exit_code == 0
    assert f"whole, signed by {public}" in told.output


def test_it_has_events_records_and_what_judged_and_every_clause_names_files_in_it(
    pack: tuple[Path, str],
) -> None:
    with zipfile.ZipFile(pack[0]) as archive:
        names = set(archive.namelist())
        assert b"in_force" in archive.read("events.csv")
        assert b"model_sha256" in archive.read("software.csv")
        assert len(archive.read("calibration.csv").splitlines()) >= 2
        assert any(name.startswith("records/calibration/") for name in names)
        index = archive.read("index.html").decode()
        assert "21 CFR 11.10(e)" in index and "what is not claimed" in index
        verified = json.loads(archive.read("verify.json"))
    assert {"ok", "findings"} <= verified.keys()
    told = {each.strip() for clause in CLAUSES for each in clause.files.split(",")}
    assert {each for each in told if not each.endswith("/")} <= names


def test_a_pack_that_was_altered_is_not_whole(pack: tuple[Path, str], tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(pack[0]) as archive, zipfile.ZipFile(other, "w") as altered:
        for name in archive.namelist():
            data = archive.read(name)
            altered.writestr(name, data + b"x" if name == "events.csv" else data)
    assert "events.csv" in str(call("--check", other).exception)


def test_a_pack_with_two_files_of_one_name_is_not_whole(
    pack: tuple[Path, str], tmp_path: Path
) -> None:
    """The first is what some programs unpack, the second what has the digest."""
    other = tmp_path / "other.zip"
    with (
        zipfile.ZipFile(pack[0]) as archive,
        zipfile.ZipFile(other, "w") as altered,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        altered.writestr("events.csv", "nothing happened")
        for name in archive.namelist():
            altered.writestr(name, archive.read(name))
    assert "two files events.csv" in str(call("--check", other).exception)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_pack_with_something_before_or_behind_it_is_not_whole(
    pack: tuple[Path, str], tmp_path: Path, place: str
) -> None:
    other, data = tmp_path / "other.zip", pack[0].read_bytes()
    other.write_bytes(data + b"x" * 50 if place == "after" else b"x" * 50 + data)
    assert "more in it than its files" in str(call("--check", other).exception)


def test_a_pack_that_was_damaged_anywhere_is_said_to_be_or_is_whole_all_the_same(
    pack: tuple[Path, str], tmp_path: Path
) -> None:
    other, data = tmp_path / "other.zip", pack[0].read_bytes()
    found = set()
    for at in range(0, len(data), max(1, len(data) // 150)):
        other.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        try:
            found.add(check_pack(other, pack[1]))
        except QcEdgeError as fault:
            found.add(type(fault).__name__)
    assert {"AuditError", f"whole, signed by {pack[1]}"} <= found
    other.write_bytes(data[: len(data) // 2])
    assert "is no pack for an audit" in str(call("--check", other).exception)


def test_an_empty_key_is_not_any_key(pack: tuple[Path, str]) -> None:
    assert "--key is empty" in str(call("--check", pack[0], "--key", "").exception)


def test_the_register_has_parts_that_came_before_the_period(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    before = NOW - timedelta(days=40)
    came = ChallengePart(
        entry_id=new_id(before, "challenge"),
        recorded_at=before,
        station="line1",
        recipe="flange",
        serial="M-7",
        expected="FAIL",
        expected_class="scratch",
        part_id="M-7",
        photograph=None,
        photograph_sha256=None,
        certified_by="lab",
        valid_until=NOW,
        max_uses=None,
        uses_before=0,
        retired=False,
        who="anna",
        role="quality",
        why=None,
        record_id="r",
    )
    with log(paths.state, compared=NOW) as written:
        written.add(came)
        written.publisher.compare(NOW)
    period = parse_audit_period("2026-11", UTC_CALENDAR, NOW)
    with PublishedLog(paths.published) as read:
        tables = {name: rows for name, (_, rows), _ in pack_tables(read.cursor(), paths, period)}
    assert len(tables["challenge_parts"]) == 1


def test_a_pack_of_another_key_is_named(pack: tuple[Path, str], tmp_path: Path) -> None:
    other = make_key(tmp_path / "other.pem")
    assert "it is signed by" in str(call("--check", pack[0], "--key", other).exception)


def test_an_empty_period_is_said_in_words(station_at_rest: StationPaths, tmp_path: Path) -> None:
    where = (station_at_rest.name, "--root", station_at_rest.root, "--out", tmp_path / "p.zip")
    assert "nothing was recorded" in str(call(*where, "--period", "2001-02").exception)
    assert not (tmp_path / "p.zip").exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2026", "2026-01-01..2026-12-31"),
        ("2026-q4", "2026-10-01..2026-12-31"),
        ("2024-02", "2024-02-01..2024-02-29"),
        ("2026-11-03", "2026-11-03..2026-11-03"),
        ("2026-11-03..2026-11-17", "2026-11-03..2026-11-17"),
    ],
)
def test_a_period_as_a_person_names_it(text: str, name: str) -> None:
    assert parse_audit_period(text, UTC_CALENDAR, NOW).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-13", "no period"),
        ("2026-11-17..2026-11-03", "no period"),
        ("2027", "not begun"),
        ("9999", "no period"),
        ("0001", "no period"),
    ],
)
def test_what_is_no_period_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_audit_period(text, UTC_CALENDAR, NOW)
