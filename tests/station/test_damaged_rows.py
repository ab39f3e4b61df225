"""Rows that capture handed over and that are damaged: set aside, said, and the loss is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.audit.verify import verify
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Gap
from qc_edge.service.clock import utc_now
from qc_edge.store.row_file import encode_row
from tests.station.audit import audit
from tests.station.harness import drop, inspect_all, make_station, part

ROW_ID = "20261122T141507123456Z-top"


def gap_row() -> bytes:
    now = utc_now()
    gap = Gap(FrameId(ROW_ID), now, "line1", "top", None, now, 7, "disk_low", "x", 3, 9)
    return encode_row(gap)


DAMAGED = {
    "a number": b"5",
    "a text": b'"x"',
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "zeros": bytes(300),
    "nothing": b"",
    "no UTF-8": b"\xff\xfe\xfa",
    "deep nesting": b"[" * 100_000,
    "an inspection": b'{"table": "inspections"}',
    "a table that is none": b'{"table": ["gaps"]}',
    "no such table": b'{"table": "secrets"}',
    "an event without fields": b'{"table": "events", "event_id": "x"}',
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_row_that_is_none_is_set_aside_and_said(tmp_path: Path, data: bytes) -> None:
    paths = make_station(tmp_path)
    (paths.frames / f"{ROW_ID}.row.json").write_bytes(data)
    drop(paths, "good.png", part())
    inspect_all(paths)
    log = audit(paths)
    assert log.of("good.png")["verdict"] == "PASS"
    assert [event["who"] for event in log.events_of("row_unreadable")] == ["inspector"]
    assert [kept.name for kept in paths.quarantine.glob("*/*.json")] == [f"{ROW_ID}.row.json"]
    assert not log.gaps


def test_what_was_set_aside_with_an_event_is_no_orphan_to_verify(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    (paths.frames / f"{ROW_ID}.row.json").write_bytes(b"5")
    inspect_all(paths)
    assert "quarantine_orphan" not in {finding.kind for finding in verify(paths).findings}
    stranger = ROW_ID.replace("top", "other")
    (kept,) = paths.quarantine.glob("*/*.json")
    kept.with_name(f"{stranger}.row.json").write_bytes(b"5")
    assert "quarantine_orphan" in {finding.kind for finding in verify(paths).findings}


DAMAGED_GAPS = {
    "cut behind the number": (gap_row()[:-60], 7),
    "cut before the number": (gap_row()[: gap_row().index(b'"lost"')], 1),
    "a number of another type": (gap_row().replace(b'"lost": 7', b'"lost": "7"'), 1),
    "a negative number": (gap_row().replace(b'"lost": 7', b'"lost": -7'), 1),
    "a number beyond all": (gap_row().replace(b'"lost": 7', b'"lost": 7' + b"0" * 30), 1),
    "another id": (gap_row().replace(ROW_ID.encode(), b"20261122T141507999999Z-top"), 7),
    "a camera that is no text": (gap_row().replace(b'"top"', b'"\\ud800"', 1), 7),
    "a time that is none": (gap_row().replace(b'"noticed_at": "2', b'"noticed_at": "x'), 7),
}


@pytest.mark.parametrize(("data", "lost"), DAMAGED_GAPS.values(), ids=DAMAGED_GAPS.keys())
def test_the_loss_in_a_damaged_row_stays_counted(tmp_path: Path, data: bytes, lost: int) -> None:
    paths = make_station(tmp_path)
    (paths.frames / f"{ROW_ID}.row.json").write_bytes(data)
    inspect_all(paths)
    log = audit(paths)
    assert [(gap["reason"], gap["lost"], gap["camera"]) for gap in log.gaps] == [
        ("damaged_row", lost, "top")
    ]
    assert not list(paths.frames.iterdir())


def test_a_link_in_the_place_of_a_row_is_not_followed(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(gap_row())
    (paths.frames / f"{ROW_ID}.row.json").symlink_to(secret)
    inspect_all(paths)
    assert not audit(paths).gaps
    assert secret.exists()
