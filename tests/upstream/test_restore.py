"""A lost disk: the station comes back from upstream, holds together, and goes on counting."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from qc_edge.audit.verify import verify
from qc_edge.errors import AuditError, UpstreamError, UsageError
from qc_edge.query.published_log import PublishedLog
from qc_edge.records import notices
from qc_edge.settings import StationPaths, load_settings
from qc_edge.upstream.restore import Restore
from tests.audit.conftest import kept as kept
from tests.cli.runner import invoke
from tests.publish.rows import asked
from tests.station.harness import GOOD, NAME, part, running, spool
from tests.upstream.sealed import (
    FIRST,
    SECOND,
    SendingStation,
    copied,
    make_sending_station,
    nothing,
)
from tests.upstream.test_sync import Died, DyingTarget


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> SendingStation:
    """A station that has not run, and has sent its two days. Not to be changed."""
    made = make_sending_station(tmp_path_factory.mktemp("sent"))
    made.sync()
    return made


@pytest.fixture
def station(sent: SendingStation, tmp_path: Path) -> SendingStation:
    """A copy of it."""
    return copied(sent, tmp_path / "lost")


@pytest.fixture
def lost(kept: StationPaths, tmp_path: Path) -> SendingStation:
    """A station that has run, with records of each kind and a sealed day, which it has sent with
    all its pictures.
    """
    shutil.copytree(kept.root, tmp_path / "lost", symlinks=True)
    station = SendingStation(StationPaths(tmp_path / "lost", NAME), tmp_path / "upstream")
    station.upstream.mkdir()
    settings = station.paths.settings
    text = settings.read_text().replace('#url = ""', f'url = "file://{station.upstream}"')
    settings.write_text(text.replace("#evidence = []", 'evidence = ["raw", "prepared", "map"]'))
    shared = settings.parent / "common.d/10-plant.toml"
    shared.parent.mkdir()
    shared.write_text("[log]\nverdicts_per_s = 7\n")
    report = station.sync()
    assert report.sent[0].not_sent == 0
    return station


def test_a_restored_station_holds_together_and_goes_on_counting(
    lost: SendingStation, tmp_path: Path
) -> None:
    new = StationPaths(tmp_path / "new", NAME)
    told = invoke("restore", NAME, "--from", lost.target.url, "--root", new.root, "--json")
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert (report["not_there"], report["left_out"]) == (0, {})
    assert load_settings(new.settings) == load_settings(lost.paths.settings)
    assert load_settings(new.settings).log.verdicts_per_s == 7
    before = _rows(lost.paths)
    spool(new, part(GOOD, seed=77), 2)
    with running(new) as run:
        run.wait_until_inspected(1)
        # What a sync leaves in its own notices is in the log, too.
        run.wait_for(lambda: not list(new.notices.glob("*.json")), "the restore is told")
    assert verify(new).findings == []
    after = _rows(new)
    assert before.items() <= after.items()
    assert after["top-2"] > max(before.values()), "the counter went on behind top-1"
    (detail,) = asked(
        "SELECT detail FROM read_parquet(?) WHERE kind = 'restored'",
        f"{new.published}/events/*/*.parquet",
    )
    assert detail[0].startswith(
        f"restored from {lost.target.url} up to row {report['head']['seq']}"
    )
    for relative in (each.relative_to(lost.paths.state) for each in _pictures(lost.paths)):
        assert (new.state / relative).read_bytes() == (lost.paths.state / relative).read_bytes()


def _rows(paths: StationPaths) -> dict[str, int]:
    """Part and row number of the published inspections."""
    with PublishedLog(paths.published) as log:
        cursor = log.cursor()
        relation = cursor.relation("inspections")
        return dict(cursor.fetch(f"SELECT part_id, chain_seq FROM {relation}"))


def _pictures(paths: StationPaths) -> list[Path]:
    return [path for path in paths.evidence.rglob("*") if path.is_file()]


def test_the_next_sync_takes_it_for_the_station_that_it_was(
    station: SendingStation, tmp_path: Path
) -> None:
    """Though rows that were anchored are lost with the disk."""
    new = SendingStation(StationPaths(tmp_path / "new", NAME), station.upstream)
    report = Restore(new.paths, station.target, nothing).run()
    assert report.head is not None
    assert report.head.seq < 9
    anchors = sorted(name for name in station.sent() if name.startswith("anchors/"))
    assert len(anchors) == 2
    new.configure()
    assert new.sync().refused == {}


def test_interrupted_it_is_run_again(station: SendingStation, tmp_path: Path) -> None:
    new = StationPaths(tmp_path / "new", NAME)
    for step in ("cannot read records", "cannot read tables", "cannot put anchors"):
        with pytest.raises(Died):
            Restore(new, DyingTarget(station.target, step), nothing).run()
        assert not any(new.journal.glob("*.jsonl")), "a half log would be taken for the whole"
    report = Restore(new, station.target, nothing).run()
    (name,) = notices.names(new.notices)
    detail = notices.load(new.notices, name).occurrence.detail
    assert "at least 0 rows" not in detail
    assert report.head is not None
    restored = SendingStation(new, station.upstream)
    restored.configure()
    assert restored.sync().refused == {}
    with pytest.raises(UsageError, match="has a log"):
        Restore(new, station.target, nothing).run()


def test_what_was_altered_upstream_is_refused(station: SendingStation, tmp_path: Path) -> None:
    file = next((station.upstream / "tables/inspections").rglob("hour=12.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    new = StationPaths(tmp_path / "new", NAME)
    with pytest.raises(AuditError, match="is not what was sent"):
        Restore(new, station.target, nothing).run()
    assert not any(new.journal.glob("*.jsonl"))


def test_a_day_between_that_was_never_sent_is_a_hole_that_is_named(
    station: SendingStation, tmp_path: Path
) -> None:
    (station.upstream / f"receipts/station={NAME}/date=2026-11-22.json").unlink()
    with pytest.raises(AuditError, match="does not follow from row 0"):
        Restore(StationPaths(tmp_path / "new", NAME), station.target, nothing).run()


def test_only_what_is_before_a_hole_comes_back_where_that_is_asked_for(
    station: SendingStation, tmp_path: Path
) -> None:
    new = SendingStation(StationPaths(tmp_path / "new", NAME), station.upstream)
    # A run before has brought the later day, and found what is wrong with it.
    with pytest.raises(Died):
        Restore(new.paths, DyingTarget(station.target, "cannot put anchors"), nothing).run()
    assert new.receipted() == [FIRST, SECOND]
    arguments = ("restore", NAME, "--from", station.target.url, "--root", new.paths.root)
    told = invoke(*arguments, "--up-to", str(FIRST), "--json")
    assert isinstance(told.exception, AuditError)
    report = json.loads(told.stdout)
    assert (report["days"], report["days_left_out"]) == ([str(FIRST)], [str(SECOND)])
    assert new.receipted() == [FIRST]
    assert sorted(_rows(new.paths).values()) == [2, 4]
    new.configure()
    assert new.sync().refused == {}


def test_a_station_that_never_sent_is_not_made_up(station: SendingStation, tmp_path: Path) -> None:
    shutil.rmtree(station.upstream / "receipts")
    with pytest.raises(UpstreamError, match="has no day of line1"):
        Restore(StationPaths(tmp_path / "new", NAME), station.target, nothing).run()


def test_pictures_that_were_never_sent_are_counted_and_told(
    lost: SendingStation, tmp_path: Path
) -> None:
    new = StationPaths(tmp_path / "new", NAME)
    report = Restore(new, lost.target, nothing).run(date(2100, 1, 1))
    named = report.left_out
    assert report.pictures == 0
    assert min(named["raw"], named["prepared"], named["map"]) > 0
    (name,) = notices.names(new.notices)
    said = notices.load(new.notices, name).occurrence.detail
    assert f"{named['raw']} raw left out" in said
