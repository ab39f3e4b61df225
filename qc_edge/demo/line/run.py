"""The course of the demo with a line, and what lies in the bins held against the log."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_edge.camera import Camera
from qc_edge.demo import demo_station
from qc_edge.demo.changeover.light_barrier import BarrierCamera, LightBarrier
from qc_edge.demo.line.conveyor import Conveyor
from qc_edge.demo.line.plc import PlcProgram
from qc_edge.demo.parts import ROUND, render_parts
from qc_edge.demo.station_log import WarningCounter, log_to_file
from qc_edge.demo.station_thread import StationThread
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.told_message import ToldMessage
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.query.typed_rows import read_inspections, read_told
from qc_edge.rendered import Truth
from qc_edge.settings import CameraSettings, StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.status import Status

_PACE_S = 0.25
_DEADLINE_MS = 3000.0
_PATIENCE_S = 4.0
_START_S = 60.0
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class LineReport:
    """What came of it: the bins, what the log says the line was told, and what is wrong."""

    paths: StationPaths
    sent: int
    bins: Mapping[str, int]
    told: Mapping[str, int]
    defective: int
    p50_ms: float | None
    faults: Sequence[str]


class LineRun:
    """One run under the absolute `root`, by one thread."""

    def __init__(self, root: Path, seconds: float, seed: int) -> None:
        self._seconds = seconds
        self._seed = seed
        self._paths = StationPaths(root, demo_station.STATION)
        self._barrier = LightBarrier()
        self._status: Status | None = None

    def run(self) -> LineReport:
        """Everything. Raises QcEdgeError if the station does not come up."""
        wanted = max(1, int(self._seconds / _PACE_S))
        demo_station.clear_directory(self._paths.root, wanted)
        port = _free_port()
        with log_to_file(demo_station.log_file(self._paths.root), WarningCounter()):
            parts = render_parts(self._paths.emulated_parts, self._seed, ROUND, lambda _: None)
            demo_station.make_station(self._paths, parts, 0.0, _output(port))
            plc = PlcProgram(port, self._barrier.let_pass, _PATIENCE_S)
            self._run_station(plc, wanted)
        inspections = read_inspections(self._paths.database)
        return make_report(
            self._paths, plc.conveyor, inspections, read_told(self._paths.database), parts
        )

    def _run_station(self, plc: PlcProgram, wanted: int) -> None:
        dependencies = Dependencies(connect_camera=self._connect)
        station = StationThread(self._paths, dependencies, self._keep_status)
        station.start()
        never = threading.Event()
        try:
            end = time.monotonic() + _START_S
            while not (self._status and self._status.ready) and station.is_alive:
                if time.monotonic() > end:
                    raise OutputError(f"the station is not ready within {_START_S:g} s")
                never.wait(0.1)
            plc.run(wanted, _PACE_S, never)
        finally:
            station.stop()
            end = time.monotonic() + _STOP_S
            while station.is_alive and time.monotonic() < end:
                never.wait(0.05)
        station.raise_error()

    def _connect(self, settings: CameraSettings) -> Camera:
        return BarrierCamera(settings, self._barrier)

    def _keep_status(self, status: Status) -> None:
        self._status = status


def make_report(
    paths: StationPaths,
    conveyor: Conveyor,
    inspections: Sequence[Inspection],
    told: Sequence[ToldMessage],
    parts: Sequence[Truth],
) -> LineReport:
    """The bins held against the rows of `told`, and those against the truth of the frames."""
    messages = {
        row.sequence: row for row in told if row.outcome in ("acknowledged", "unacknowledged")
    }
    frames = {str(row.frame_id): row for row in inspections}
    truth = {part.sha256: part for part in parts}
    bad = [row.sequence for row in messages.values() if _is_bad(row, frames, truth)]
    ages = sorted(row.age_ms for row in messages.values() if row.age_ms is not None)
    return LineReport(
        paths,
        conveyor.total,
        {str(name): len(found) for name, found in conveyor.bins.items()},
        dict(Counter(str(row.disposition) for row in messages.values())),
        len(bad),
        round(ages[len(ages) // 2], 1) if ages else None,
        tuple(_faults(conveyor, messages, inspections, {each for each in bad if each})),
    )


def _faults(
    conveyor: Conveyor,
    messages: Mapping[int | None, ToldMessage],
    inspections: Sequence[Inspection],
    bad: set[int],
) -> Iterator[str]:
    if conveyor.total != len(inspections):
        yield f"{conveyor.total} parts in the bins, {len(inspections)} in the log"
    for name, numbers in conveyor.bins.items():
        for number in numbers:
            message = messages.get(number)
            said = message.disposition if message else None
            if said != str(name) and number not in conveyor.unanswered:
                yield f"part {number} is in the bin {name}, the log says {said}"
    if escaped := bad & set(conveyor.bins[Disposition.ACCEPT]):
        yield f"defective parts went through: {sorted(escaped)}"


def _is_bad(row: ToldMessage, frames: Mapping[str, Inspection], truth: Mapping[str, Truth]) -> bool:
    frame = frames.get(row.frame_id or "")
    part = truth.get(frame.raw_sha256 or "") if frame else None
    return part is None or part.label != "good" or part.fault is not None


def _output(port: int) -> dict[str, object]:
    return {
        "name": "plc",
        "protocol": "modbus",
        "listen": f"127.0.0.1:{port}",
        "peers": ["127.0.0.1"],
        "deadline_ms": _DEADLINE_MS,
        "confirm": ["reject", "hold"],
    }


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
