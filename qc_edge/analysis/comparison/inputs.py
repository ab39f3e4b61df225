"""The inputs that both sides of a comparison score: prepared inputs that a station kept, or image
files that are prepared when they are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.history import LabelledPart, Selection, StoredInput
from qc_edge.engine import Prepared
from qc_edge.query.evidence import read_stored_input
from qc_edge.query.past.station_history import nothing_matches, open_history
from qc_edge.settings import StationPaths

LoadInput = Callable[[Bundle], Prepared | str]
"""Gives the input prepared for the bundle's model, or in words why it cannot be had."""


@dataclass(frozen=True, slots=True)
class ComparisonInput:
    """One input. `name` is its frame id or its file's name, `recorded_at` is aware UTC or None.

    `is_defect` is what its label says, None without one. Pixels are loaded when they are needed: of
    ten thousand inputs one is in memory.
    """

    name: str
    load: LoadInput
    part_id: str = ""
    camera: str = ""
    recorded_at: datetime | None = None
    is_defect: bool | None = None


def stored_inputs(
    paths: StationPaths, selection: Selection, *, sample: int | None = None, database: bool = False
) -> list[ComparisonInput]:
    """The inputs that a station kept of its judged parts, oldest first; `sample` takes so many.

    Raises UsageError if there is none, StoreError if the log does not read.
    """
    with open_history(paths, selection, database) as history:
        parts = [part for portion in history.stored() for part in portion]
        labelled = history.labelled()
    if not parts:
        raise nothing_matches(paths, database)
    labels = {label.frame_id: label for label in labelled}
    return [
        _input(part, labels.get(part.frame_id), paths.state)
        for part in sample_evenly(parts, sample)
    ]


def sample_evenly(parts: Sequence[StoredInput], count: int | None) -> Sequence[StoredInput]:
    """`count` of the parts, evenly spaced, the first and the last among them; all if those are
    fewer or `count` is None.

    Evenly and not by chance: the same command takes the same parts, and both sides see all shifts.
    """
    if count is None or count >= len(parts):
        return parts
    if count == 1:
        return parts[-1:]
    return [parts[index * (len(parts) - 1) // (count - 1)] for index in range(count)]


def _input(part: StoredInput, label: LabelledPart | None, state: Path) -> ComparisonInput:
    return ComparisonInput(
        part.frame_id,
        partial(read_stored_input, state, part),
        part.part_id,
        part.camera,
        part.recorded_at,
        label.is_defect if label else None,
    )
