"""What a box knows of its updates: what is staged, what was applied, and how that ended."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.errors import BusyError, StoreError
from qc_edge.service.clock import utc_now
from qc_edge.store.durable import write_file

BOX = Path("var/lib/qc-edge-box")
"""Under the root of the box: what is the box's and no station's."""

STAGED = BOX / "staged"
_STATE = BOX / "update-state.json"


@dataclass(frozen=True, slots=True)
class AppliedUpdate:
    """The last update that was applied: from which version to which, when, and what became of it.

    `outcome` is `trying`, `good`, `fell_back` or `not_good` (and it could not go back); `why` says
    what was wrong.
    """

    version: str
    before: str
    at: datetime
    outcome: str
    why: str = ""


def read_applied(root: Path) -> AppliedUpdate | None:
    """The last update of the box under `root`; None if there was none. Raises StoreError."""
    path = root / _STATE
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        # A newer version may have written more: the one before reads this after it was taken back.
        known = {name: str(values[name]) for name in ("version", "before", "outcome")}
        at = datetime.fromisoformat(values["at"])
        return AppliedUpdate(**known, at=at, why=str(values.get("why", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StoreError(f"{path} does not read: {fault}", hint="move it away") from None


def keep_applied(root: Path, applied: AppliedUpdate) -> None:
    """Make it what the box knows. Raises StoreError."""
    path = root / _STATE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(asdict(applied) | {"at": applied.at.isoformat()}).encode())


def begin(root: Path, version: str, before: str) -> AppliedUpdate:
    """Say that `version` is about to be tried, before anything of it is installed."""
    applied = AppliedUpdate(version, before, utc_now(), "trying")
    keep_applied(root, applied)
    return applied


def end(
    root: Path, applied: AppliedUpdate, why: str = "", *, went_back: bool = True
) -> AppliedUpdate:
    """Say how it ended: good, or with `why` that it is not and whether the box went back."""
    bad = "fell_back" if went_back else "not_good"
    ended = replace(applied, outcome=bad if why else "good", why=why)
    keep_applied(root, ended)
    return ended


@contextmanager
def changing(root: Path) -> Iterator[None]:
    """Nobody else stages or applies an update meanwhile. Raises BusyError if somebody does."""
    path = root / BOX
    try:
        path.mkdir(parents=True, exist_ok=True)
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as fault:
        raise StoreError(f"cannot open {path}: {fault.strerror}", hint="with sudo") from None
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                "an update is being staged or applied already", hint="qc-edge update status"
            ) from None
        yield
    finally:
        os.close(opened)
