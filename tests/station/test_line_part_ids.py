"""The part id and lot that the line gives with a trigger, in a station that runs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

from qc_edge.domain.frame import ExposureSource, Frame
from qc_edge.domain.reporting.shift_period import ShiftPeriod
from qc_edge.domain.station_calendar import UTC_CALENDAR
from qc_edge.output.handshake.words import Fault, accepts
from qc_edge.output.links.scripted import ScriptedLink
from qc_edge.report.shift.shift_report import make_shift_report
from qc_edge.service.clock import FrameClock, boot_id, utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool
from tests.station.audit import read_log
from tests.station.harness import configure, make_station, part, running


def is_so(line: ScriptedLink, word: str, value: int) -> bool:
    """What the line reads now."""
    return bool(getattr(line.words, word) == value)


def expose(paths: StationPaths, number: int) -> None:
    """What a capture process does with a frame of a camera that says when it exposed."""
    stamp = FrameClock(paths.state / "frame-clock-of-tests", number).stamp("top")
    frame = Frame(
        stamp.frame_id,
        "top",
        stamp.captured_at,
        True,
        monotonic_ns=stamp.monotonic_ns,
        boot_id=boot_id(),
        camera_frame_number=number,
        pixel_format="Mono8",
        exposure_source=ExposureSource.CAMERA_CLOCK,
    )
    Spool(paths, Disk()).put_frame(frame, part(seed=number), 8)


def test_rows_have_the_lines_id_and_lot_and_a_frame_of_no_trigger_is_held(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    plc = {
        "name": "plc",
        "protocol": "scripted",
        "part_ids": True,
        "peer_heartbeat_ms": 0,
        "not_ready": [],
        "frame_way_ms": 5.0,
    }
    configure(paths, output=[plc])
    with running(paths) as run:
        line = ScriptedLink.made["plc"]
        line.write(reset=1)
        run.wait_for(lambda: line.words.reset_done == 1, "reset")
        for number in (1, 2):
            line.write(part_id=f"SN-{number}", lot="L7", trigger=number)
            run.wait_for(partial(is_so, line, "trigger_taken", number), "taken")
            expose(paths, number)
            run.wait_for(partial(is_so, line, "commit", number), "a result")
            assert accepts(line.words, number), line.words
            assert line.words.part_id == f"SN-{number}"
            line.write(acknowledge=number)
        run.wait_for(lambda: line.words.sequence == 0, "taken away")
        line.write(counted=2, counted_accepted=2, closing=1)
        run.wait_for(lambda: "1: counted" in str(run.status.outputs), "their counts begin")
        line.write(counted=4, counted_accepted=3, counted_ejected=1, closing=2)
        run.wait_for(lambda: line.words.faults & Fault.COUNT, "two parts more than were told")
        run.wait_for(lambda: "count of parts" in str(run.status.outputs), "a trouble on the status")
        expose(paths, 3)
        run.wait_until_inspected(3)
    log = read_log(paths)
    rows = sorted(log.tables["inspections"], key=lambda row: row["frame_id"])
    assert [(row["part_id"], row["part_source"], row["lot"]) for row in rows] == [
        ("SN-1", "line", "L7"),
        ("SN-2", "line", "L7"),
        ("top-unidentified-1", "none", None),
    ]
    assert [row["disposition"] for row in rows] == ["ACCEPT", "ACCEPT", "HOLD"]
    assert rows[2]["hold_reason"] == "no_part_id"
    assert "no trigger of the line is its own" in rows[2]["detail"]
    (gap,) = log.tables["gaps"]
    assert (gap["camera"], gap["reason"], gap["lost"]) == ("plc", "line_count", 2)
    now = utc_now()
    period = ShiftPeriod(now.date(), None, now - timedelta(hours=1), now + timedelta(hours=1))
    (told,) = make_shift_report(paths, UTC_CALENDAR, period, with_pictures=False).lines
    assert (told.output, told.parts, told.accepted, told.fits) == ("plc", 3, 2, False)
