"""The inputs that both sides are shown: prepared inputs that a station kept, or image files
prepared now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from qc_edge.domain.history import LabelledPart, Selection, StoredInput
from qc_edge.engine import Prepared
from qc_edge.query.station_history import nothing_fits, open_past
from qc_edge.query.stored_input import stored_input
from qc_edge.settings import StationPaths

Load = Callable[[tuple[int, int]], Prepared | str]
"""Gives the input prepared as (height, width), or in words why it cannot be had."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `name` is its frame id or the file's name, `recorded_at` aware or None."""

    name: str
    load: Load
    part_id: str = ""
    camera: str = ""
    recorded_at: datetime | None = None
    is_defect: bool | None = None


def stored_inputs(
    paths: StationPaths, selection: Selection, *, sample: int | None = None, database: bool = False
) -> list[Input]:
    """What a station kept of its judged parts, oldest first; `sample` takes so many, evenly over
    them.

    Raises UsageError if there is none, StoreError if the log does not read.
    """
    with open_past(paths, selection, database) as history:
        parts = [part for portion in history.stored() for part in portion]
        labelled = history.labelled()
    if not parts:
        raise nothing_fits(paths, database)
    labels = {each.frame_id: each for each in labelled}
    return [_of(part, labels.get(part.frame_id), paths.state) for part in evenly(parts, sample)]


def evenly(parts: Sequence[StoredInput], sample: int | None) -> Sequence[StoredInput]:
    """`sample` of the parts, evenly over them, the first and the last among them; all if that is
    fewer.
    """
    if sample is None or sample >= len(parts):
        return parts
    if sample == 1:
        return parts[-1:]
    return [parts[index * (len(parts) - 1) // (sample - 1)] for index in range(sample)]


def _of(part: StoredInput, label: LabelledPart | None, state: Path) -> Input:
    return Input(
        part.frame_id,
        partial(stored_input, state, part),
        part.part_id,
        part.camera,
        part.recorded_at,
        label.is_defect if label else None,
    )
