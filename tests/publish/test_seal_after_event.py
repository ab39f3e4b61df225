"""The event of a seal comes before its manifest, so that no power cut leaves one to be changed
unseen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from qc_edge.errors import StoreError
from qc_edge.publish.seal import file_sha256, read_seal, seal_path, sealed_days
from qc_edge.service.synced_file import Chunk
from qc_edge.store.durable import Disk
from tests.publish.rows import Log, at, event, everything, inspection, log

DAY = date(2026, 11, 22)
NEXT = at("2026-11-23 00:05")
NOON = at("2026-11-22 12:10")


class CutAtTheSeal(Disk):
    """Writes everything but a manifest: there the power goes."""

    def write(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> None:
        if path.parent.name == "seal":
            raise StoreError("the power is gone")
        super().write(path, chunks, temporary)


def sealed_events(made: Log) -> list[tuple[str, str | None, str | None]]:
    """Detail, `after` and `record` of the rows of the kind sealed."""
    with made.ledger.snapshot() as rows:
        return rows.execute(
            "SELECT detail, after, record FROM events WHERE kind = 'sealed' ORDER BY chain_seq"
        ).fetchall()


def cut(state: Path) -> None:
    """A day with three rows whose seal was cut off between event and manifest."""
    with log(state, CutAtTheSeal(), told=NEXT) as made:
        made.add(inspection(NOON), event(NOON), event(at("2026-11-22 23:10")))
        made.publisher.publish()
        with pytest.raises(StoreError, match="power"):
            made.publisher.seal(DAY, NEXT)
        assert len(sealed_events(made)) == 1
        assert made.publisher.due(NEXT) == [], "it is told as sealed"
    assert sealed_days(state / "published") == set()


def sealed(state: Path, *, told: bool = True) -> None:
    with log(state, told=NEXT if told else None) as made:
        made.add(inspection(NOON), event(NOON), event(at("2026-11-22 23:10")))
        made.publisher.publish()
        made.publisher.seal(DAY, NEXT)


def test_the_event_has_the_digest_and_the_path_of_the_manifest(tmp_path: Path) -> None:
    sealed(tmp_path)
    with log(tmp_path) as made:
        ((detail, digest, record),) = sealed_events(made)
        path = seal_path(made.published, DAY)
        assert digest == file_sha256(path)
        assert record == "published/seal/date=2026-11-22.json"
        assert detail.startswith("2026-11-22 is sealed: 3 rows in ")


def test_an_event_without_its_seal_is_sealed_anew_with_the_same_bytes(tmp_path: Path) -> None:
    cut(tmp_path)
    with log(tmp_path, compared=NEXT, told=NEXT) as made:
        # Before anything is mended the day is closed: no row may come into what was told.
        made.add(event(at("2026-11-22 18:00")))
        made.publisher.mend_seals()
        ((_, digest, _),) = sealed_events(made)
        path = seal_path(made.published, DAY)
        assert file_sha256(path) == digest
        assert not path.stat().st_mode & 0o222
        assert read_seal(made.published, DAY).rows == 3
        ((kind, words),) = made.findings
        assert (kind, words.startswith("the seal of 2026-11-22 was missing")) == (
            "published_mended",
            True,
        )
        made.publisher.publish()
        everything(made)


def test_a_seal_that_somebody_deleted_comes_back_while_the_station_runs(tmp_path: Path) -> None:
    sealed(tmp_path)
    with log(tmp_path, told=NEXT) as made:
        path = seal_path(made.published, DAY)
        before = path.read_bytes()
        path.unlink()
        made.publisher.mend_seals()
        assert path.read_bytes() == before


def test_a_day_that_is_not_what_its_event_says_is_told_and_left(tmp_path: Path) -> None:
    cut(tmp_path)
    with log(tmp_path, compared=NEXT, told=NEXT) as made:
        file = made.file("2026-11-22 12", "inspections")
        file.write_bytes(made.file("2026-11-22 12", "events").read_bytes())
        made.publisher.mend_seals()
        made.publisher.mend_seals()
        ((kind, words),) = made.findings
        assert kind == "seal_differs"
        assert "is not what was sealed: it has 3 rows" in words
        assert sealed_days(made.published) == set()
        assert made.publisher.due(NEXT) == []


def test_a_seal_without_an_event_is_checked_told_and_made_read_only(tmp_path: Path) -> None:
    """As a power cut left it with earlier versions, which wrote the seal first."""
    sealed(tmp_path, told=False)
    path = seal_path(tmp_path / "published", DAY)
    path.chmod(0o640)
    with log(tmp_path, compared=NEXT, told=NEXT) as made:
        made.publisher.mend_seals()
        ((detail, digest, _),) = sealed_events(made)
        assert "found without its event" in detail
        assert digest == file_sha256(path)
        assert not path.stat().st_mode & 0o222
    with log(tmp_path, compared=NEXT, told=NEXT) as made:
        made.publisher.mend_seals()
        assert made.findings == []


@pytest.mark.parametrize("change", ["manifest", "file"])
def test_a_seal_without_an_event_that_does_not_fit_its_day_is_not_told_as_sealed(
    tmp_path: Path, change: str
) -> None:
    sealed(tmp_path, told=False)
    published = tmp_path / "published"
    path = seal_path(published, DAY)
    path.chmod(0o640)
    if change == "manifest":
        path.write_bytes(path.read_bytes().replace(b'"rows": 3', b'"rows": 2'))
    with log(tmp_path, compared=NEXT, told=NEXT) as made:
        file = made.file("2026-11-22 12", "inspections")
        if change == "file":
            file.chmod(0o640)
            file.write_bytes(made.file("2026-11-22 12", "events").read_bytes())
        made.publisher.mend_seals()
        assert [kind for kind, _ in made.findings] == ["seal_differs"]
        assert sealed_events(made) == []


def test_files_that_a_power_cut_has_left_writable_are_made_read_only(tmp_path: Path) -> None:
    sealed(tmp_path)
    with log(tmp_path, told=NEXT) as made:
        file = made.file("2026-11-22 12")
        file.chmod(0o640)
        made.publisher.mend_seals()
        assert not file.stat().st_mode & 0o222


def test_an_event_of_an_earlier_version_says_that_its_seal_cannot_be_made_again(
    tmp_path: Path,
) -> None:
    with log(tmp_path) as made:
        told = event(NEXT, "sealed")
        made.add(replace(told, detail=f"{DAY} is sealed: 0 rows in 1 files", after="0" * 64))
    with log(tmp_path) as made:
        made.publisher.mend_seals()
        ((kind, words),) = made.findings
        assert kind == "seal_differs"
        assert "cannot be made again" in words
