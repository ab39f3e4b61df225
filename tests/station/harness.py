"""A station to try things on: made in a moment, run in this process or in one that may be
killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.calibration import starting_calibration
from qc_edge.domain.frame import Frame, FrameId
from qc_edge.errors import QcEdgeError
from qc_edge.records import calibrations
from qc_edge.service.clock import FrameClock, boot_id, utc_now
from qc_edge.settings import INCOMING, StationPaths
from qc_edge.settings.render import render_settings
from qc_edge.station.daemon import Station
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.status import Status
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool
from tests import forked
from tests.station.twins import Plan, dependencies

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "line1"
WAIT_S = 30.0
Gray = npt.NDArray[np.uint8]

GOOD, BAD, NEAR = 30, 230, 120
"""Gray levels of a part's corner: the scripted model scores a part by it (level / 255), threshold
0.5.
"""

BUNDLE = """\
name = "corner"
version = "{version}"
created = 2026-01-01
licence = "Apache-2.0"
description = "scores by the gray level of a corner"
[input]
name = "frame"
shape = [512, 512]
dtype = "uint8"
preprocess = "gray512-minmax"
[outputs]
score = "score"
score_means = "level of the corner"
defect_map = "map"
map_shape = [64, 64]
[decision]
threshold = 0.5
review_band = 0.1
tolerance = 0.01
[training]
data = "none"
sha256 = "{model}"
[approved]
by = "tests"
at = 2026-01-01
[files]
"model.onnx" = "{model}"
"golden/golden.json" = "{golden}"
"golden/plain.png" = "{plain}"
"""


def wait_for(
    condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S, every_s: float = 0.01
) -> Any:
    """Until `condition()` is true, and what it returned; a failed test after `timeout_s`."""
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < end, f"after {timeout_s:g} s still not: {what}"
        pause.wait(every_s)
    return result


def make_station(
    root: Path,
    camera: Mapping[str, Any] | None = None,
    *,
    due_in_days: float = 30,
    **sections: Any,
) -> StationPaths:
    """A new station with the corner model; `sections` are sections of its settings."""
    paths = StationPaths(root, NAME)
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    for name in [INCOMING, *([camera["name"]] if camera else [])]:
        record = starting_calibration(NAME, name, utc_now() - timedelta(days=60))
        record = replace(
            record, due_at=utc_now().replace(microsecond=0) + timedelta(days=due_in_days)
        )
        calibrations.write(paths.calibration, record)
    write_bundle(paths.models / "corner/1")
    configure(paths, camera, **sections)
    return paths


def configure(
    paths: StationPaths, camera: Mapping[str, Any] | None = None, **sections: Any
) -> None:
    """Write the settings file anew; `output` is a list of them."""
    outputs = sections.pop("output", ())
    values: dict[str, dict[str, Any]] = {
        "station": {"name": NAME, "deadline_ms": 60_000.0},
        "model": {"bundle": "corner@1"},
        # Many tests drop one rendered picture again and again; a real camera never makes it twice.
        "incoming": {"settle_s": 0.3, "repeated_frames": False},
        "inspect": {"prepare_threads": 2},
        "storage": {"warn_free_mb": 0.0, "stop_free_mb": 0.0},
    }
    for section, given in sections.items():
        values[section] = values.get(section, {}) | given
    cameras = [camera] if camera else []
    paths.settings.write_text(render_settings(values, cameras, (), outputs))


def write_bundle(directory: Path) -> Path:
    """A bundle that the twins can load; its name is corner, its version that of the directory."""
    (directory / "golden").mkdir(parents=True)
    plain = cv2.imencode(".png", np.full((512, 512), 7, np.uint8))[1].tobytes()
    golden = {
        "engine": "scripted",
        "coarse": 1,
        "frames": [{"file": "plain.png", "shows": "nothing", "score": 0.25}],
    }
    content = {
        "model.onnx": f"model {directory.name}".encode(),
        "golden/golden.json": json.dumps(golden).encode(),
        "golden/plain.png": plain,
    }
    for name, data in content.items():
        (directory / name).write_bytes(data)
    digests = {Path(name).stem: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    (directory / "bundle.toml").write_text(BUNDLE.format(version=directory.name, **digests))
    return directory


def part(level: int = GOOD, seed: int = 0, width: int = 96, height: int = 96) -> Gray:
    """A sharp picture (height x width) whose upper left corner has the gray level `level`."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(40, 200, (height, width), np.uint8)
    picture[-1, -2:] = 0, 255
    picture[: height // 3, : width // 3] = level
    return picture


def drop(
    paths: StationPaths, name: str, picture: Gray | bytes, sidecar: Mapping[str, Any] | None = None
) -> None:
    """What another node does: the sidecar first, then the image by rename from a hidden name."""
    if sidecar is not None:
        (paths.incoming / f"{name}.json").write_text(json.dumps(sidecar))
    data = picture if isinstance(picture, bytes) else encoded(picture, Path(name).suffix or ".png")
    hidden = paths.incoming / f".{os.urandom(8).hex()}"
    hidden.write_bytes(data)
    hidden.rename(paths.incoming / name)


def encoded(picture: npt.NDArray[Any], suffix: str) -> bytes:
    """The picture as a file of that kind."""
    written, data = cv2.imencode(suffix, picture)
    assert written
    return data.tobytes()


def spool(
    paths: StationPaths, picture: Gray, number: int, camera: str = "top", disk: Disk | None = None
) -> FrameId:
    """What a capture process does with one frame."""
    clock = FrameClock(paths.state / "frame-clock-of-tests", number)
    stamp = clock.stamp(camera)
    frame = Frame(
        frame_id=stamp.frame_id,
        camera=camera,
        captured_at=stamp.captured_at,
        clock_trusted=True,
        monotonic_ns=stamp.monotonic_ns,
        boot_id=boot_id(),
        camera_frame_number=number,
        pixel_format="Mono8",
    )
    Spool(paths, disk or Disk()).put_frame(frame, picture, 8)
    return frame.frame_id


class Running:
    """A station that runs on a thread of this process. Made by `running`."""

    def __init__(self, root: Path, given: Dependencies) -> None:
        self.supervisor = Supervisor(self._saw)
        self.station = Station(root, NAME, given)
        self.statuses: list[Status] = []
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="station")
        self._thread.start()

    @property
    def status(self) -> Status:
        """The last status."""
        return self.statuses[-1]

    @property
    def has_ended(self) -> bool:
        """True once `run` has returned or raised."""
        return not self._thread.is_alive()

    def wait_for(
        self,
        condition: Callable[[], Any],
        what: str,
        timeout_s: float = WAIT_S,
        every_s: float = 0.01,
    ) -> Any:
        """As the function, but a fault of the station is shown at once."""

        def looked() -> Any:
            if self.fault:
                raise self.fault
            return condition()

        return wait_for(looked, what, timeout_s, every_s)

    def wait_for_status(self, fits: Callable[[Status], Any], what: str) -> Status:
        """The first status from now on that fits."""
        seen = len(self.statuses) - 1
        self.wait_for(lambda: any(fits(status) for status in self.statuses[max(0, seen) :]), what)
        return next(status for status in self.statuses[max(0, seen) :] if fits(status))

    def wait_until_ready(self) -> None:
        """Until frames can be inspected."""
        self.wait_for(lambda: self.statuses and self.status.ready, "ready")

    def wait_until_inspected(self, frames: int) -> None:
        """Until so many frames have been announced since the start, and nothing waits."""
        paths = self.station.paths

        def done() -> bool:
            inspector = self.station.inspector
            return bool(
                inspector
                and inspector.announcer.statistics.inspected >= frames
                and not spooled(paths)
            )

        self.wait_for(done, f"{frames} frames inspected")

    def wait_until_idle(self) -> None:
        """Until nothing waits, neither in the spool nor in incoming."""
        paths = self.station.paths
        self.wait_for(lambda: self.station.inspector and is_idle(paths), "the spool is empty")

    def wait_until_ended(self) -> BaseException:
        """Until the station has ended by itself, and why."""
        wait_for(lambda: self.has_ended, "ended by itself")
        assert self.fault is not None, "it ended without a fault"
        return self.fault

    def stop(self) -> None:
        """Tell it to stop and wait until it has. Raises what the station raised."""
        self.supervisor.stop()
        self._thread.join(WAIT_S)
        assert self.has_ended, "did not stop"

    def _saw(self, status: Status) -> None:
        self.statuses.append(status)

    def _run(self) -> None:
        try:
            self.station.run(self.supervisor)
        except (QcEdgeError, OSError) as fault:
            self.fault = fault


@contextmanager
def running(paths: StationPaths, given: Dependencies | None = None) -> Iterator[Running]:
    """The station, ready; stopped at the end. A fault that it raised meanwhile is raised."""
    run = Running(paths.root, given or dependencies(Plan()))
    try:
        run.wait_until_ready()
        yield run
    finally:
        run.stop()
    if run.fault:
        raise run.fault


def inspect_all(paths: StationPaths, given: Dependencies | None = None) -> Running:
    """Run the station until nothing waits, and stop it."""
    with running(paths, given) as run:
        run.wait_until_idle()
    return run


def spooled(paths: StationPaths) -> list[str]:
    """Names in the spool."""
    return sorted(path.name for path in paths.frames.iterdir())


def dropped(paths: StationPaths) -> list[str]:
    """Names of images in incoming that are to be taken."""
    names = [path.name for path in paths.incoming.iterdir()]
    return [name for name in names if not name.startswith(".") and not name.endswith(".json")]


def is_idle(paths: StationPaths) -> bool:
    """True if nothing waits; files move from incoming to the spool, so that is the order to
    look.
    """
    return not dropped(paths) and not spooled(paths)


def start_child(paths: StationPaths, plan: Plan) -> forked.Process:
    """The station in a process of its own, with the twins of `plan`; stderr goes to a file."""
    with (paths.root / "stderr").open("ab") as said:
        arguments = [str(paths.root), json.dumps(asdict(plan))]
        return forked.start("tests.station.runner", arguments, child_environment(), stderr=said)


def child_environment() -> dict[str, str]:
    """This checkout first on the path."""
    extra = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep + extra if extra else ''}"}


def run_child(paths: StationPaths, plan: Plan, timeout_s: float = WAIT_S) -> int:
    """As `start_child`, until it ends; its exit status (negative: killed by that signal)."""
    child = start_child(paths, plan)
    try:
        return child.wait(timeout_s)
    finally:
        child.kill()
        child.wait()


def child_said(paths: StationPaths) -> str:
    """What children of this station wrote to stderr."""
    return (paths.root / "stderr").read_text(errors="replace")


def lines(path: Path) -> Sequence[str]:
    """The lines of a file that children appended to; none if there is no such file."""
    return path.read_text().splitlines() if path.exists() else ()
