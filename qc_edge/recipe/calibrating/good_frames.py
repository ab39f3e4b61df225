"""Finds the frames of known-good parts that a calibration is made from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from qc_edge.domain.frame import FrameId, frame_id_micros
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import HoldReason, Verdict
from qc_edge.errors import UsageError
from qc_edge.query import evidence
from qc_edge.query.journal_reader import newest_inspections
from qc_edge.settings import StationPaths
from qc_edge.settings.section import NAME_PATTERN

_FRAME_ID = re.compile(rb'"frame_id":"([^"]*)"')

_NEWEST = 5_000
"""Rows of the journal in which a node is looked for."""


@dataclass(frozen=True, slots=True)
class GoodFrameFiles:
    """Files with frames of good parts, and in words where they come from.

    `missing` counts newer ones whose frame is no longer among the evidence. `unseen` is True where
    no person has looked at them one by one. `rows` are those of the files, in the same order, where
    they are the station's own.
    """

    files: tuple[Path, ...]
    source: str
    missing: int = 0
    unseen: bool = False
    rows: tuple[Inspection, ...] = ()


def nodes_with_frames(paths: StationPaths) -> list[str]:
    """The cameras of other nodes in the newest rows that may have a calibration of their own."""
    rows = islice(newest_inspections(paths.journal), _NEWEST)
    names = dict.fromkeys(row.camera for row in rows)
    return [name for name in names if re.match(NAME_PATTERN, name)]


def from_evidence(
    paths: StationPaths, camera: str, count: int, *, any_verdict: bool = False, since: str = ""
) -> GoodFrameFiles:
    """The raw frames of the newest `count` PASSes of `camera`, or with `any_verdict` of its newest
    parts whatever was said of them; `since`: only those judged under the calibration with this id.
    Raises UsageError if there is none.

    Read from the journal and not from the database, which a running station keeps to itself.
    """
    files: list[Path] = []
    rows: list[Inspection] = []
    missing = 0
    # As the journal writes them: a camera may have its last good part millions of rows ago.
    needles = [f'"camera":{json.dumps(camera, ensure_ascii=False)}'.encode(errors="replace")]
    needles += [] if any_verdict else [f'"verdict":"{Verdict.PASS}"'.encode()]

    def may_be(line: bytes) -> bool:
        return all(needle in line for needle in needles)

    made_at = _made_at(since) if since else None
    for row in newest_inspections(paths.journal, may_be, made_at):
        # Without a size it was no picture: nothing to learn from, whatever its verdict.
        fits = row.verdict is Verdict.PASS or (any_verdict and row.width is not None)
        fits = fits and row.hold_reason is not HoldReason.CHALLENGE
        if not fits or row.camera != camera or row.raw_path is None:
            continue
        if since and row.calibration_id != since:
            continue
        if (raw := evidence.find(paths.state, row.raw_path)) is None:
            missing += 1
            continue
        files.append(raw)
        rows.append(row)
        if len(files) == count:
            break
    kind = "frames" if any_verdict else "frames that PASSed"
    if not files:
        raise UsageError(
            f"station {paths.name!r} has no frame of camera {camera!r}"
            + (" yet" if any_verdict else " that PASSed"),
            hint="let it inspect good parts first"
            + ("" if any_verdict else ", take those of any verdict: --from recent --any-verdict")
            + ", or give image files: --from DIR",
        )
    source = f"the last {len(files)} {kind}, {rows[-1].frame_id} to {rows[0].frame_id}"
    return GoodFrameFiles(tuple(files), source, missing, any_verdict, tuple(rows))


def chosen_frames(
    paths: StationPaths,
    camera: str,
    frame_ids: Collection[str],
    beat: Callable[[], object] = lambda: None,
) -> GoodFrameFiles:
    """The raw frames of these inspections of `camera`, at which a person has looked.

    `beat` is called with each row that is looked at. Raises UsageError if it is none, and with the
    first that there is not.
    """
    wanted, found = set(frame_ids), dict[str, tuple[Inspection, Path]]()
    if not wanted:
        raise UsageError("no frame is chosen", hint="choose frames of good parts")
    names_in_lines = {name.encode() for name in wanted}

    def may_be(line: bytes) -> bool:
        beat()
        match = _FRAME_ID.search(line)
        return match is not None and match[1] in names_in_lines

    # A row is written after the exposure: before that hour there is none of these.
    for row in newest_inspections(paths.journal, may_be, _exposed_at(min(wanted))):
        if row.frame_id not in wanted or row.camera != camera or row.raw_path is None:
            continue
        if raw := evidence.find(paths.state, row.raw_path):
            found[row.frame_id] = row, raw
            if len(found) == len(wanted):
                break
    if lacking := sorted(wanted - set(found)):
        raise UsageError(
            f"there is no frame {lacking[0]} of camera {camera!r} among the evidence",
            hint="choose the frames again",
        )
    chosen = [found[name] for name in sorted(found, reverse=True)]
    names = [row.frame_id for row, _ in chosen]
    source = f"{len(chosen)} frames that a person has looked at, {names[-1]} to {names[0]}"
    files, rows = tuple(path for _, path in chosen), tuple(row for row, _ in chosen)
    return GoodFrameFiles(files, source, rows=rows)


def _exposed_at(frame_id: str) -> datetime:
    try:
        return datetime.fromtimestamp(frame_id_micros(FrameId(frame_id)) / 1e6, timezone.utc)
    except (ValueError, OverflowError, OSError) as fault:  # the id may name a year that has none
        raise UsageError(f"{frame_id!r:.90} is no frame: {fault}") from None


def _made_at(calibration_id: str) -> datetime:
    return datetime.strptime(calibration_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
