"""The report claims of the line and of the exposure what the log knows, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qc_edge.domain.events import Event
from qc_edge.domain.frame import ExposureSource, FrameId
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Verdict
from qc_edge.report.announcement import describe_announcement
from qc_edge.report.exposure import describe_exposure, exposure_entry, is_exposure_known
from qc_edge.report.html import render_html
from qc_edge.report.part_report import examine_part
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.report.test_part_report import one


def note(paths: StationPaths, kind: str, detail: str) -> None:
    """An event that the station writes of an announcement."""
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    now = utc_now()
    identity = FrameId(f"{now:%Y%m%dT%H%M%S%f}Z-station")
    event = Event(identity, now, paths.name, kind, "inspector", detail, None, None, None)
    ledger.commit([event], now)
    ledger.close()


def announced(paths: StationPaths, row: Inspection) -> str:
    return describe_announcement(examine_part(paths, row.part_id, row.frame_id).last.logged)


def test_what_was_announced_in_the_journal_is_not_said_to_have_reached_the_line(
    paths: StationPaths,
) -> None:
    row = one(paths, Verdict.FAIL)
    said = announced(paths, row)
    assert said.startswith("REJECT was announced in the station's journal.")
    assert "no output that told the line" in said
    html = render_html(examine_part(paths, row.part_id)).lower()
    assert said.lower().replace("'", "&#39;") in html
    assert "line was told" not in html and "line told" not in html


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        ("late_announcement", "{}: 912 ms, the deadline is 500 ms", "as HOLD instead of REJECT"),
        ("announcement_failed", "{}, part 2: the cable is out", "failed: the cable is out"),
        ("announcement_unknown", "{}: its row stood already", "is not known"),
    ],
)
def test_an_announcement_that_went_wrong_is_told(
    paths: StationPaths, kind: str, detail: str, words: str
) -> None:
    row = one(paths, Verdict.FAIL)
    note(paths, kind, detail.format(f"{row.frame_id}2"))  # of another frame
    assert words not in announced(paths, row)
    note(paths, kind, detail.format(row.frame_id))
    assert words in announced(paths, row)


@pytest.mark.parametrize(
    ("source", "dropped", "known", "entry"),
    [
        (ExposureSource.CAMERA_CLOCK, False, True, "exposed"),
        (ExposureSource.ARRIVAL, False, True, "exposed"),
        (ExposureSource.ARRIVAL, True, False, "it came; when it was exposed is not known"),
        (ExposureSource.NODE_CLOCK, True, True, "exposed"),
        (ExposureSource.EARLIEST, False, False, "exposed at the earliest"),
        (
            ExposureSource.FILE_TIME,
            True,
            False,
            "its file was written; when it was exposed is not known",
        ),
        (ExposureSource.UNKNOWN, True, False, "it came; when it was exposed is not known"),
        (None, False, False, "time of the frame; whether of its exposure was not recorded"),
    ],
)
def test_only_a_known_exposure_is_called_one(
    paths: StationPaths, source: ExposureSource | None, dropped: bool, known: bool, entry: str
) -> None:
    row = replace(
        one(paths, Verdict.PASS),
        exposure_source=source,
        original_name="a.png" if dropped else None,
    )
    assert is_exposure_known(row) is known
    assert exposure_entry(row) == entry
    assert describe_exposure(row).startswith("not ") is not known
    assert f"{row.captured_at:%H:%M:%S}" in describe_exposure(row)
