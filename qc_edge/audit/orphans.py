"""Files without a row: evidence, quarantined files, and what waits in the spool."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.audit.frame_ids import FrameIds
from qc_edge.settings import StationPaths

_FRAME_ID = re.compile(r"(\d{8}T\d{12}Z-[a-z0-9-]+)(?:[.~]|$)")
"""A frame id in a file's name, up to its ending, or to ~ and the name that another node gave it."""
_YOUNG_S = 60.0
"""A file younger than this may be waiting for its row: a running station writes evidence first and
the row after it.
"""


def check_orphans(
    report: AuditReport,
    step: AuditStep,
    paths: StationPaths,
    frames: FrameIds,
    set_aside: Collection[str],
    since: datetime | None,
    *,
    running: bool,
) -> None:
    """Every file of evidence and quarantine belongs to a frame that has a row (`frames`); in
    quarantine it may be one that an event speaks of (`set_aside`).

    `since` (naive UTC) leaves out the files of earlier hours; `step` counts the files.
    """
    oldest = f"{since:%Y%m%dT%H}" if since else ""
    before = time.time() - _YOUNG_S if running else float("inf")
    no_ids: Collection[str] = frozenset()
    for directory, kind, others in (
        (paths.evidence, "evidence", no_ids),
        (paths.quarantine, "quarantine", set_aside),
    ):
        for path in _files(directory, since):
            frame = _FRAME_ID.search(path.name)
            # Quarantine has a folder for each day alone: the hour stands in the frame's id.
            if frame and frame[1] < oldest:
                continue
            step.count += 1
            if frame is None:
                # Hidden ones are temporary files of a write that is not finished.
                if not path.name.startswith("."):
                    report.warning(
                        "stranger",
                        "is no file of the station",
                        _name(path, paths),
                        "move it elsewhere",
                    )
            elif frame[1] not in frames and frame[1] not in others and _modified_at(path) < before:
                report.fault(
                    f"{kind}_orphan",
                    f"no row speaks of frame {frame[1]}",
                    _name(path, paths),
                    "was its row deleted? look for the frame in the journal and at the upstream",
                )


def check_spool(report: AuditReport, paths: StationPaths) -> None:
    """Note what a station at rest has left in its spool: no fault, the next start takes it."""
    for directory, state in (
        (paths.frames, "wait to be inspected; the next start does, and holds their parts"),
        (paths.incoming, "were dropped by other nodes and not taken yet"),
        (paths.spool_tmp, "were being written when the station ended; the next start removes them"),
        (paths.claims_tmp, "were being copied when the station ended; the next start goes on"),
    ):
        names = [name for name in _names(directory) if not name.startswith(".")]
        if names:
            report.note("spool", f"{len(names):,} files {state}", _name(directory, paths))


def _files(directory: Path, since: datetime | None) -> Iterator[Path]:
    # Folders are named by date and hour: those of earlier ones are not even listed.
    low = f"{since:%Y-%m-%d}" if since else ""
    for day in sorted(_names(directory)):
        if day >= low and (directory / day).is_dir():
            for folder, _, names in os.walk(directory / day):
                hour = folder.removeprefix(str(directory / day)).strip("/")
                if since and day == low and hour and hour < f"{since:%H}":
                    continue
                yield from (Path(folder) / name for name in sorted(names))


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 (no Path object for each of 20,000)
    except FileNotFoundError:
        return []


def _modified_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")  # gone meanwhile: a station moves and compresses its files


def _name(path: Path, paths: StationPaths) -> str:
    return path.relative_to(paths.state).as_posix()
