"""The head of the chain goes to where the station's own files cannot take it back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.bundles.signing import make_key
from qc_edge.bundles.signing_key import is_signed_by
from qc_edge.domain.anchor import MESSAGE_ID, Anchor
from qc_edge.errors import SettingsError
from qc_edge.service.logs import LOG, start_logging
from qc_edge.settings import StationPaths
from qc_edge.station.anchoring import CREDENTIAL, Anchoring
from qc_edge.station.daemon import Station
from qc_edge.store.log.chain import GENESIS
from tests.publish.rows import NOON, at, event, log
from tests.station.harness import GOOD, NAME, drop, make_station, part, running


class Collected(logging.Handler):
    """What journald would take: the anchors among the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[Anchor] = []

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "MESSAGE_ID", "") == MESSAGE_ID:
            self.anchors.append(Anchor.of_fields(vars(record)))


@pytest.fixture
def journald() -> Iterator[Collected]:
    """A handler in the place of journald's, at a level that hides the station's news."""
    level, handlers = LOG.level, LOG.handlers[:]
    start_logging("error", NAME)
    collected = Collected()
    LOG.handlers[:] = [collected]
    yield collected
    LOG.setLevel(level)
    LOG.handlers[:] = handlers


def last_line(paths: StationPaths) -> tuple[int, str]:
    """Number and hash of the newest row of the station's journal."""
    newest = max(paths.journal.glob("*.jsonl"))
    seq, sha256, _ = newest.read_text().splitlines()[-1].split("\t", 2)
    return int(seq), sha256


def test_a_station_anchors_while_it_runs_and_the_very_last_row_at_stop(
    tmp_path: Path, journald: Collected
) -> None:
    paths = make_station(tmp_path, anchor={"every_s": 1.0})
    with running(paths) as station:
        station.wait_for(lambda: journald.anchors, "an anchor of the start")
        before = journald.anchors[-1].head.seq
        drop(paths, "a.png", part(GOOD))
        station.wait_until_inspected(1)
        station.wait_for(lambda: journald.anchors[-1].head.seq > before, "an anchor of the part")
    newest = journald.anchors[-1]
    assert (newest.head.seq, newest.head.sha256) == last_line(paths)
    assert (newest.station, newest.key, newest.signature) == (NAME, "", "")


def test_only_a_head_that_has_moved_is_anchored(tmp_path: Path) -> None:
    kept: list[Anchor] = []

    class Sink:
        def keep(self, anchor: Anchor) -> None:
            kept.append(anchor)

    settings = Station(make_station(tmp_path / "root").root, NAME).settings
    with log(tmp_path, compared=None) as made:
        anchoring = Anchoring(settings, lambda: made.ledger.head, [Sink()])
        anchoring.look()
        assert kept == []  # a log without rows
        made.add(event(NOON))
        anchoring.look()
        assert kept == []  # the minute is not over
        anchoring.anchor()
        anchoring.anchor()
        assert [anchor.head.seq for anchor in kept] == [1]
        assert kept[0].head.recorded_at == NOON
        assert kept[0].head.sha256 != GENESIS
    # A restart knows the head from the log.
    with log(tmp_path, compared=None) as made:
        assert made.ledger.head == kept[0].head


def test_the_head_after_a_lost_database_is_that_of_the_journal(tmp_path: Path) -> None:
    with log(tmp_path, compared=None) as made:
        made.add(event(at("2026-11-22 12:10")))
        head = made.ledger.head
    (tmp_path / "t.duckdb").unlink()
    with log(tmp_path, compared=None) as made:
        assert made.ledger.head == head


def test_anchors_are_signed_with_the_credential(
    tmp_path: Path, journald: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = make_key(tmp_path / CREDENTIAL)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with running(make_station(tmp_path / "root", anchor={"sign": True})):
        pass
    anchor = journald.anchors[-1]
    assert anchor.key == public
    assert is_signed_by(public, anchor.signature, anchor.signed)
    assert not is_signed_by(public, anchor.signature, anchor.signed.replace(b"line1", b"line2"))


@pytest.mark.parametrize("content", [None, "no key"])
def test_a_station_that_is_to_sign_does_not_start_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    paths = make_station(tmp_path / "root", anchor={"sign": True})
    if content:
        (tmp_path / CREDENTIAL).write_text(content)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SettingsError, match="anchor-key"):
        Station(paths.root, NAME).run()
