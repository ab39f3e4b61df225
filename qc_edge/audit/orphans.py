"""Files that no row speaks of: evidence, quarantined files, and what waits in the spool."""

from __future__ import annotations

import os
import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.settings import StationPaths

_FRAME = re.compile(r"(\d{8}T\d{12}Z-[a-z0-9-]+)(?:[.~]|$)")
_YOUNG_S = 60.0
"""A running station writes evidence first and the row after it."""


def check_orphans(
    report: AuditReport,
    step: AuditStep,
    paths: StationPaths,
    known: array[int],
    since: datetime | None,
    *,
    running: bool,
) -> None:
    """Every file of evidence and quarantine belongs to a row; `known` are the sorted hashes of
    frame ids.
    """
    before = time.time() - _YOUNG_S if running else float("inf")
    for directory, kind in ((paths.evidence, "evidence"), (paths.quarantine, "quarantine")):
        for path in _files(directory, since):
            step.count += 1
            frame = _FRAME.search(path.name)
            if frame is None:
                if not path.name.startswith("."):
                    report.warning(
                        "stranger",
                        "is no file of the station",
                        _name(path, paths),
                        "move it elsewhere",
                    )
            elif not _is_known(known, frame[1]) and _changed(path) < before:
                report.fault(
                    f"{kind}_orphan",
                    f"no row speaks of frame {frame[1]}",
                    _name(path, paths),
                    "was its row deleted? look for the frame in the journal and at the upstream",
                )


def check_spool(report: AuditReport, paths: StationPaths) -> None:
    """What a station at rest has left in its spool: it is inspected at the next start."""
    for directory, words in (
        (paths.frames, "wait to be inspected; the next start does, and holds their parts"),
        (paths.incoming, "were dropped by other nodes and not taken yet"),
        (paths.spool_tmp, "were being written when the station ended; the next start removes them"),
    ):
        names = [name for name in _names(directory) if not name.startswith(".")]
        if names:
            report.note("spool", f"{len(names):,} files {words}", _name(directory, paths))


def _files(directory: Path, since: datetime | None) -> Iterator[Path]:
    low = f"{since:%Y-%m-%d}" if since else ""
    for day in sorted(_names(directory)):
        if day >= low and (directory / day).is_dir():
            for place, _, names in os.walk(directory / day):
                hour = place.removeprefix(str(directory / day)).strip("/")
                if since and day == low and hour and hour < f"{since:%H}":
                    continue
                yield from (Path(place) / name for name in sorted(names))


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 (no Path object for each of 20,000)
    except FileNotFoundError:
        return []


def _is_known(known: array[int], frame: str) -> bool:
    key = hash(frame)
    at = bisect_left(known, key)
    return at < len(known) and known[at] == key


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _name(path: Path, paths: StationPaths) -> str:
    return path.relative_to(paths.state).as_posix()
