"""Rows and published files of the audited stations of the tests."""

from __future__ import annotations

from datetime import timedelta

from qc_edge.domain.events import Event
from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.domain.inspection import Gap, Label, Row, ShadowScore
from qc_edge.publish.publisher import Publisher
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.event_log import StationEventLog
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.spool import Spool
from tests.station.harness import NAME


def judge(paths: StationPaths, frame: FrameId) -> None:
    """The rows that no station of the tests makes by itself: labels, a gap, a score of a shadow."""
    now = utc_now()
    micros = round(now.timestamp() * 1e6)
    rows: list[Row] = [
        Label(
            frame_id(micros, "labels"), now, NAME, frame, "1", "good", None, "anna", "“fine”\n\x01"
        ),
        Label(
            frame_id(micros + 1, "labels"), now, NAME, frame, "1", "defect", "scratch", "ben", None
        ),
        Gap(
            frame_id(micros + 2, "top"),
            now,
            NAME,
            "top",
            None,
            now - timedelta(seconds=1),
            2,
            "counter_gap",
            "the camera's own counter jumped",
            2,
            3,
        ),
        Event(
            frame_id(micros + 3, "station"),
            now,
            NAME,
            "settings",
            "anna",
            "model.threshold: 0.5 -> 0.4",
            "0.5",
            "0.4",
            "escapes",
        ),
        ShadowScore(
            frame,
            now,
            NAME,
            "1",
            "top",
            0.1,
            0.5,
            "PASS",
            "",
            0,
            5.0,
            "corner",
            "2",
            "0" * 64,
            "scripted",
            "1",
            "none",
            None,
        ),
    ]
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit(rows, now)
    ledger.close()


def publish(paths: StationPaths, *, seal: bool = False) -> None:
    """What the station's publisher does; with the seal of today if that is wanted."""
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    clock = FrameClock(paths.state / "frame-clock")
    events = StationEventLog(NAME, clock, Spool(paths, Disk()), ledger, "tests")
    publisher = Publisher(ledger, paths.published, Disk(), NAME, events)
    now = utc_now()
    publisher.compare(now)
    if seal:
        publisher.seal(now.date(), now)
    ledger.close()
