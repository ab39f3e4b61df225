"""Which frames of known-good parts a calibration looks at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.verdict import Verdict
from qc_edge.errors import UsageError
from qc_edge.query.typed_rows import newest_inspections
from qc_edge.settings import StationPaths
from qc_edge.terminal.images import images_in


@dataclass(frozen=True, slots=True)
class ChosenFrames:
    """The frames to look at, in words where they come from, and how many rows have lost theirs."""

    files: tuple[Path, ...]
    source: str
    missing: int = 0


def from_directory(directory: Path) -> ChosenFrames:
    """The image files in it. Raises UsageError if there is none."""
    files = tuple(images_in(directory))
    return ChosenFrames(files, f"{len(files)} image files in {directory.absolute()}")


def from_evidence(paths: StationPaths, camera: str, wanted: int) -> ChosenFrames:
    """The raw frames of the newest PASSes. Raises UsageError if there is none."""
    files: list[Path] = []
    frame_ids: list[str] = []
    missing = 0
    for row in newest_inspections(paths.journal):
        if row.verdict is not Verdict.PASS or row.camera != camera or row.raw_path is None:
            continue
        if (raw := _kept(paths.state / row.raw_path)) is None:
            missing += 1
            continue
        files.append(raw)
        frame_ids.append(row.frame_id)
        if len(files) == wanted:
            break
    if not files:
        raise UsageError(
            f"station {paths.name!r} has no frame of camera {camera!r} that PASSed",
            hint="let it inspect good parts first, or give image files: --from DIR",
        )
    words = f"the last {len(files)} frames that PASSed, {frame_ids[-1]} to {frame_ids[0]}"
    return ChosenFrames(tuple(files), words, missing)


def _kept(raw: Path) -> Path | None:
    """The frame under the name that the row has, or as it was compressed since."""
    candidates = (raw, raw.with_suffix(".png"))
    return next((path for path in candidates if path.is_file()), None)
