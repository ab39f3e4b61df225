"""The labels in effect, for an export. Reads the log; never the pictures."""

# ruff: noqa: S608 - relations
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qc_edge.domain.label import Region, parse_regions
from qc_edge.query.inspection_lookup import open_log
from qc_edge.query.label_rows import effective_labels, label_relation
from qc_edge.settings import StationPaths

_COLUMNS = ("frame_id", "part_id", "raw_path", "width", "height")


@dataclass(frozen=True, slots=True)
class ExportedLabel:
    """The label in effect of one inspection, with its picture: `raw_path` is relative to the
    station's state, `width` and `height` in pixels.
    """

    frame_id: str
    part_id: str
    raw_path: str | None
    width: int | None
    height: int | None
    label: str
    defect_class: str | None
    who: str
    role: str | None
    why: str | None
    regions: str | None
    disputed: bool

    @property
    def shapes(self) -> tuple[Region, ...]:
        """Where the defects are."""
        return parse_regions(self.regions)


def labels_in_effect(paths: StationPaths) -> Sequence[ExportedLabel]:
    """All of them, oldest frame first; without those of parts that are only disputed.

    Raises StoreError.
    """
    with open_log(paths) as log:
        inspections = log.relation("inspections", columns=_COLUMNS)
        if inspections is None:
            return []
        rows = log.fetch(
            f"SELECT {', '.join(_COLUMNS)}, label, defect_class, labelled_by, labelled_as, "
            f"label_why, regions, disputed FROM (SELECT {', '.join(_COLUMNS)} FROM {inspections}) "
            f"JOIN {effective_labels(label_relation(log))} USING (frame_id) "
            "WHERE label IS NOT NULL ORDER BY frame_id"
        )
    return [ExportedLabel(*row) for row in rows]
