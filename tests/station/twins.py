"""The twins of a station: a disk that fails on cue, a model that reads a corner, an output with a
memory.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab
from qc_edge.camera.scripted import ScriptedCamera
from qc_edge.domain.parts.told import ToldPart
from qc_edge.engine import Loader, Prepared
from qc_edge.engine.scripted import ScriptedEngine, Step
from qc_edge.service.synced_file import Chunk
from qc_edge.settings import CameraSettings
from qc_edge.station.dependencies import Dependencies
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk
from qc_edge.store.safe_read import FileHead

_HELD = rb'"(?:table|kind)":"(\w+)"'

POISON = 99
"""Gray level of a corner that `infer poison` counts."""


@dataclass(frozen=True)
class Fault:
    """At the `nth` call of `at` (from 1), `times` calls long: `act` is kill, hang, ENOSPC or EIO.

    `at` is a step of the disk such as `append before`, `write half`, `link after`, with `in FOLDER`
    behind it to count only there; or `announce before`, `announce after`, `infer before`, `infer
    poison`, `adjust before`, `adjust after` of a camera.
    """

    at: str
    nth: int = 1
    act: str = "kill"
    times: int = 1


@dataclass(frozen=True)
class Plan:
    """What a station's twins do; plain values, so that it goes to another process as JSON."""

    faults: tuple[Fault, ...] = ()
    announced: str | None = None
    grabbed: str | None = None
    camera: str = ""
    rate_hz: float | None = None
    until_rows: int | None = None
    patience_s: float = 15.0


class Cues:
    """Counts the steps and acts on cue. Safe from any thread."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.faults = list(faults)
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, step: str, path: Path | None = None) -> None:
        """Raises OSError if this call is to fail; does not return if it is to kill."""
        with self._lock:
            due = None
            for fault in self.faults:
                at, _, folder = fault.at.partition(" in ")
                if at != step or (folder and folder not in str(path)):
                    continue
                self.seen[fault.at] += 1
                if fault.nth <= self.seen[fault.at] < fault.nth + fault.times:
                    due = fault
        if due and due.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif due and due.act == "hang":
            sys.stderr.write("it hangs\n")
            sys.stderr.flush()
            threading.Event().wait()
        elif due:
            code = getattr(errno, due.act)
            raise OSError(code, os.strerror(code))


class FaultyDisk(Disk):
    """A disk that dies or refuses on cue, at each step that the real one has. `free` overrides its
    room.
    """

    def __init__(self, cues: Cues) -> None:
        self.cues = cues
        self.free: Callable[[], int] | None = None

    def write(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> None:
        """Steps: write before, write half, write after (not renamed yet), rename after."""
        super().write(path, chunks, temporary)
        self.cues.reach("rename after", path)

    def write_visible(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> int:
        """Steps: those of write."""
        fd = super().write_visible(path, chunks, temporary)
        self._reach("rename after", path)
        return fd

    def sync_written(self, fd: int, path: Path, chunks: Iterable[Chunk]) -> None:
        """Step: written after."""
        super().sync_written(fd, path, chunks)
        self._reach("written after", path)

    def sync_file(self, path: Path) -> None:
        """Steps: file sync before, file sync after."""
        self._reach("file sync before", path)
        super().sync_file(path)
        self._reach("file sync after", path)

    def write_evidence(self, path: Path, chunks: Iterable[Chunk]) -> None:
        """Steps: those of write."""
        super().write_evidence(path, chunks)

    def link(self, existing: Path, path: Path, **options: Any) -> FileHead | None:
        """Steps: link before, link after."""
        self._reach("link before", path)
        head = super().link(existing, path, **options)
        self._reach("link after", path)
        return head

    def append(self, fd: int, data: bytes) -> None:
        """Steps: append before, append half (it is in the file), append after; `in KIND` those that
        hold a row of that table or an event of that kind.
        """
        held = Path(*sorted({name.decode() for name in re.findall(_HELD, data)}))
        self.cues.reach("append before", held)
        if any(fault.at.startswith("append half") for fault in self.cues.faults):
            half = len(data) // 2
            os.write(fd, data[:half])
            self.cues.reach("append half", held)
            data = data[half:]
        super().append(fd, data)
        self.cues.reach("append after", held)

    def truncate(self, fd: int, size: int) -> None:
        """Step: truncate before."""
        self.cues.reach("truncate before")
        super().truncate(fd, size)

    def unlink(self, path: Path) -> None:
        """Steps: unlink before, unlink after."""
        self._reach("unlink before", path)
        super().unlink(path)
        self._reach("unlink after", path)

    def sync_directory(self, path: Path) -> None:
        """Steps: sync before, sync after."""
        self._reach("sync before", path)
        super().sync_directory(path)
        self._reach("sync after", path)

    def free_bytes(self, path: Path) -> int:
        """As scripted."""
        return self.free() if self.free else super().free_bytes(path)

    def _write_unsynced(self, path: Path, chunks: Iterable[Chunk]) -> int:
        self.cues.reach("write before", path)
        whole = b"".join(chunks)
        os.close(super()._write_unsynced(path, [whole[: len(whole) // 2]]))
        self.cues.reach("write half", path)
        fd = super()._write_unsynced(path, [whole])
        try:
            self.cues.reach("write after", path)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _write_synced(self, path: Path, chunks: Iterable[Chunk]) -> None:
        self.cues.reach("write before", path)
        whole = b"".join(chunks)
        super()._write_synced(path, [whole[: len(whole) // 2]])
        self.cues.reach("write half", path)
        super()._write_synced(path, [whole])
        self.cues.reach("write after", path)

    def _reach(self, step: str, path: Path) -> None:
        try:
            self.cues.reach(step, path)
        except OSError as fault:
            raise store_error(fault, f"{step} {path}") from fault


class Recorder:
    """An output that appends what it is told to a durable file, one line a part."""

    def __init__(self, path: Path, cues: Cues) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._cues = cues

    def announce(self, told: ToldPart) -> None:
        """Steps: announce before, announce after."""
        self._cues.reach("announce before")
        os.write(self._fd, f"{told.frame_id} {told.disposition}\n".encode())
        self._cues.reach("announce after")

    def close(self) -> None:
        """Close the file, once."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


class LoggedCamera(ScriptedCamera):
    """A scripted camera that leaves a durable line for each frame that it exposed, delivered or
    not. Steps: adjust before, adjust after.
    """

    def __init__(
        self, steps: str, log: Path, settings: CameraSettings, rate_hz: float | None, cues: Cues
    ) -> None:
        from tests.station.harness import part

        super().__init__(
            steps, frame=lambda number: part(seed=number), settings=settings, rate_hz=rate_hz
        )
        self._fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._cues = cues

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """Expose otherwise, or die on the way."""
        self._cues.reach("adjust before")
        info = super().adjust(settings)
        self._cues.reach("adjust after")
        return info

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The next act, noted."""
        got = super().grab(timeout_s)
        if got is not None:
            os.write(self._fd, f"{got.frame_number}\n".encode())
        return got


def by_corner(cues: Cues | None = None) -> Callable[[Prepared], Step]:
    """The score of a prepared frame (1 x 512 x 512): the gray level of its corner / 255."""

    def score(prepared: Prepared) -> Step:
        level = int(prepared[0, 4, 4])
        if cues:
            cues.reach("infer before")
            if abs(level - POISON) < 2:
                cues.reach("infer poison")
        return level / 255

    return score


def engine(script: Callable[[Prepared], Step] | str) -> Loader:
    """A loader of a scripted engine that passes the bundle's own test."""
    return lambda bundle, *_: ScriptedEngine(script, bundle.golden_frames)


def dependencies(plan: Plan = Plan(), *, disk: Disk | None = None) -> Dependencies:
    """What a station of this plan is made of."""
    cues = Cues(plan.faults)
    outputs: Sequence[Recorder] = [Recorder(Path(plan.announced), cues)] if plan.announced else []

    def connect(settings: CameraSettings) -> Camera:
        log = Path(plan.grabbed or os.devnull)
        return LoggedCamera(plan.camera, log, settings, plan.rate_hz, cues)

    return Dependencies(
        disk=disk or FaultyDisk(cues),
        connect_camera=connect,
        load_engine=engine(by_corner(cues)),
        outputs=outputs,
        patience_s=plan.patience_s,
    )
