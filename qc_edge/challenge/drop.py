"""The directory in which requests about challenges wait for the station, and the photographs of the
register. Only the station's own user may write here.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from pathlib import Path

from qc_edge.challenge.request import RECORD_MAX, ChallengeRequest, decode, encode
from qc_edge.errors import BusyError, RecordError, StoreError, UsageError
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk, write_file
from qc_edge.store.safe_read import read_regular_file
from qc_edge.store.set_aside import move_aside

PHOTOGRAPH_MAX = 16 << 20
"""Bytes of a photograph."""

WAITING_MAX = 1000
"""Requests that wait: a station at rest takes none up, however often somebody presses a button."""

TAKEN_UP_S = 5.0
"""A running station looks every second."""

_NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")

_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg"}


def requests_of(paths: StationPaths) -> Path:
    """Where requests wait."""
    return paths.state / "challenge" / "waiting"


def put(paths: StationPaths, request: ChallengeRequest) -> Path:
    """Leave the request, durably, whole or not at all; where it waits. Raises StoreError, and
    BusyError if too many wait.
    """
    directory = requests_of(paths)
    make_directories([directory])
    if len(waiting(paths)) >= WAITING_MAX:
        raise BusyError("too many requests wait for the station", hint="does the station run?")
    name = f"{request.said_at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}.json"
    write_file(directory / name, encode(paths.name, request))
    return directory / name


def keep_photograph(paths: StationPaths, data: bytes) -> tuple[str, str]:
    """Keep a photograph, durably, under its digest: its path below the state, and the digest.

    Raises UsageError if it is neither PNG nor JPEG, or too large; StoreError.
    """
    kind = next((kind for head, kind in _KINDS.items() if data.startswith(head)), None)
    if kind is None or len(data) > PHOTOGRAPH_MAX:
        raise UsageError(
            "the photograph is no PNG or JPEG file"
            if kind is None
            else f"the photograph has {len(data):,} bytes",
            hint=f"a PNG or JPEG of at most {PHOTOGRAPH_MAX >> 20} MiB",
        )
    sha256 = hashlib.sha256(data).hexdigest()
    directory = paths.state / "challenge" / "photographs"
    make_directories([directory])
    path = directory / f"{sha256}.{kind}"
    if not path.exists():
        write_file(path, data)
    return str(path.relative_to(paths.state)), sha256


def photograph_fault(paths: StationPaths, photograph: str | None, sha256: str | None) -> str:
    """What is wrong with a photograph of the register, in words; empty if it is as it was."""
    if photograph is None:
        return ""
    try:
        data = (paths.state / photograph).read_bytes()
    except OSError:
        return "its photograph is missing"
    is_same = hashlib.sha256(data).hexdigest() == sha256
    return "" if is_same else "its photograph has been changed"


def waiting(paths: StationPaths) -> list[Path]:
    """The requests that wait, oldest first. Raises StoreError."""
    directory = requests_of(paths)
    try:
        names = os.listdir(directory)  # noqa: PTH208 - once a second
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise store_error(fault, f"cannot list {directory}") from fault
    return [directory / name for name in sorted(names) if not name.startswith(".")]


def read(path: Path, station: str) -> ChallengeRequest:
    """A request. Raises RecordError or UnreadableFrameError, FileNotFoundError if it has gone."""
    return decode(read_regular_file(path, RECORD_MAX, "for a request"), station)


def retire(path: Path) -> None:
    """Remove a request that is done. Raises StoreError."""
    Disk().unlink(path)


def set_aside(paths: StationPaths, path: Path) -> None:
    """Move a request that is refused to the state's `set-aside/`. Raises StoreError."""
    move_aside(path, paths.set_aside / f"challenge-{path.name[:120]}")


def wait_until_taken_up(paths: StationPaths, path: Path) -> bool:
    """True once the station has taken the request up, False if it does not run or answer.

    Raises RecordError if it was refused.
    """
    pause, end = threading.Event(), time.monotonic() + TAKEN_UP_S
    while path.exists():
        if holder_of(paths.lock(Role.INSPECT)) is None or time.monotonic() > end:
            return False
        pause.wait(0.05)
    refused = paths.set_aside / f"challenge-{path.name[:120]}"
    if refused.exists():
        raise RecordError(
            f"the station has refused it: {_why_refused(refused)}",
            hint=f"qc-edge challenge {paths.name} status",
        )
    return True


def is_waiting(paths: StationPaths, name: str) -> bool:
    """True until the station has taken up the request of that name (without its suffix)."""
    return _NAME.fullmatch(name) is not None and (requests_of(paths) / f"{name}.json").exists()


def why_set_aside(paths: StationPaths, name: str) -> str | None:
    """In words why the request of that name was refused; None if it was not."""
    refused = paths.set_aside / f"challenge-{name}.json"
    return _why_refused(refused) if _NAME.fullmatch(name) and refused.exists() else None


def note_refusal(paths: StationPaths, path: Path, why: str) -> None:
    """Leave the reason of a refusal beside the request that is set aside; never raises."""
    try:
        target = paths.set_aside / f"challenge-{path.name[:120]}.why"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, why.encode())
    except (OSError, StoreError):
        pass  # the event says it too


def _why_refused(refused: Path) -> str:
    try:
        return refused.with_name(f"{refused.name}.why").read_text(encoding="utf-8")
    except OSError:
        return "an event challenge_refused says why"
