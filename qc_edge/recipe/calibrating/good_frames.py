"""Finds the frames of known-good parts that a calibration is made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from qc_edge.domain.verdict import Verdict
from qc_edge.errors import UsageError
from qc_edge.query.journal_reader import newest_inspections
from qc_edge.settings import StationPaths
from qc_edge.settings.section import NAME_PATTERN
from qc_edge.terminal.images import images_in

_NEWEST = 5_000
"""Rows of the journal in which a node is looked for."""


@dataclass(frozen=True, slots=True)
class GoodFrameFiles:
    """Files with frames of good parts, and in words where they come from.

    `missing` counts newer ones whose frame is no longer among the evidence. `unseen` is True where
    no person has looked at them one by one.
    """

    files: tuple[Path, ...]
    source: str
    missing: int = 0
    unseen: bool = False


def from_directory(directory: Path) -> GoodFrameFiles:
    """The image files in `directory`. Raises UsageError if there is none."""
    files = tuple(images_in(directory))
    return GoodFrameFiles(files, f"{len(files)} image files in {directory.absolute()}")


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
    frame_ids: list[str] = []
    missing = 0
    for row in newest_inspections(paths.journal):
        # Without a size it was no picture: nothing to learn from, whatever its verdict.
        fits = row.verdict is Verdict.PASS or (any_verdict and row.width is not None)
        if not fits or row.camera != camera or row.raw_path is None:
            continue
        if since and row.calibration_id != since:
            if row.recorded_at < _made_at(since):
                break
            continue
        if (raw := _frame_file(paths.state / row.raw_path)) is None:
            missing += 1
            continue
        files.append(raw)
        frame_ids.append(row.frame_id)
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
    source = f"the last {len(files)} {kind}, {frame_ids[-1]} to {frame_ids[0]}"
    return GoodFrameFiles(tuple(files), source, missing, any_verdict)


def _made_at(calibration_id: str) -> datetime:
    return datetime.strptime(calibration_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


def _frame_file(raw: Path) -> Path | None:
    """The frame under the name that its row has, or as it was compressed since; None if gone."""
    candidates = (raw, raw.with_suffix(".png"))
    return next((path for path in candidates if path.is_file()), None)
