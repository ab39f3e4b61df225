"""Carries a factory reset out. It may be cut off anywhere and done again: what is gone is gone, and
what is there is in the next plan.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import QcEdgeError, StoreError
from qc_edge.records import notices
from qc_edge.service.clock import boot_id
from qc_edge.service.owner import acting_as_owner
from qc_edge.service.synced_file import sync_directory
from qc_edge.settings import StationPaths
from qc_edge.setup.reset.plan import (
    CHANGES,
    MARK,
    RETIRED,
    BegunReset,
    ResetPlan,
    is_retired,
    read_begun,
    station_names,
)
from qc_edge.store.durable import write_file

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""renameat2(2)."""

_STATIONS = ("qc-edge.target", "qc-edge@*.service", "qc-edge-page@*.service", "qc-edge-sync@*")

Say = Callable[[str], object]


def reset(root: Path, plan: ResetPlan, who: str, say: Say) -> bool:
    """Do what `plan` says to the box under `root`; False if a boot has to end it.

    What another machine serves is left alone. Raises StoreError where the disk refuses; it goes on
    where it was when it is done again.
    """
    begun = read_begun(root)
    _note(root, plan, begun)
    if root == Path("/"):
        subprocess.run(["systemctl", "stop", *_STATIONS], check=False)
    if plan.keep_evidence and not (begun and begun.told):
        _tell_logs(root, who)
        _note(root, plan, read_begun(root), told=True)
    if plan.retires:
        _retire(root)
        _note(root, plan, read_begun(root))
        say("what was changed under /etc is out of the way from the next boot on")
    mounts = _mounts()
    for part in plan.goes:
        left = _remove(part.path, mounts)
        say(f"gone  {part.path}")
        for path in left:
            say(f"left alone, another machine or disk serves it  {path}")
    if (root / RETIRED).exists():
        return False  # /etc is still made of it, until the boot that removes it
    (root / MARK).unlink(missing_ok=True)
    with suppress(OSError):
        sync_directory((root / MARK).parent)
    return True


def _note(root: Path, plan: ResetPlan, begun: BegunReset | None, *, told: bool = False) -> None:
    """What has been begun, durable before anything goes, and in which boot /etc gives way."""
    retired = is_retired(root, begun)
    boot = begun.boot if begun and retired else boot_id()
    path = root / MARK
    path.parent.mkdir(parents=True, exist_ok=True)
    told = told or bool(begun and begun.told)
    noted = BegunReset(plan.keep_evidence, boot, retired, told)
    write_file(path, json.dumps(asdict(noted)).encode())


def _retire(root: Path) -> None:
    """In one step an empty directory takes the place of all that was changed under /etc: without
    one there the box would not boot.
    """
    changes, retired = root / CHANGES, root / RETIRED
    retired.mkdir(mode=0o755, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    both = os.fsencode(changes), os.fsencode(retired)
    if libc.renameat2(_AT_FDCWD, both[0], _AT_FDCWD, both[1], _RENAME_EXCHANGE):
        words = os.strerror(ctypes.get_errno())
        raise StoreError(f"cannot put {changes} aside: {words}", hint="nothing was changed yet")
    sync_directory(changes.parent)


def _tell_logs(root: Path, who: str) -> None:
    """To the log of each station that keeps its evidence, whenever it is set up again."""
    occurrence = Occurrence(
        EventKind.BOX_RESET, "settings, users and secrets were taken away; records kept", who=who
    )
    for name in station_names(root):
        paths = StationPaths(root, name)
        with suppress(QcEdgeError, OSError), acting_as_owner(paths.state):
            if paths.state.is_dir():
                notices.leave(paths.notices, occurrence)


def _remove(path: Path, mounts: frozenset[Path]) -> list[Path]:
    """Remove `path`; what of it is mounted, and so stays."""
    inside = [mount for mount in mounts if mount == path or path in mount.parents]
    try:
        if path in inside:
            return [path]
        if inside:
            return [left for below in sorted(path.iterdir()) for left in _remove(below, mounts)]
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise StoreError(
            f"cannot remove {fault.filename or path}: {fault.strerror}",
            hint="as root; then do the reset again, it goes on where it was",
        ) from None
    return []


def _mounts() -> frozenset[Path]:
    """Where something is mounted: proc_pid_mountinfo(5), in which spaces stand as \\040."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    names = (line.split()[4].encode().decode("unicode_escape") for line in lines)
    return frozenset(map(Path, names))
