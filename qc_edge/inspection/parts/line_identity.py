"""The line's id and lot of a part, put to the frame of its trigger before it is placed."""

from __future__ import annotations

from dataclasses import replace

from qc_edge.domain.parts.line_identity import LineIdentity, LineIdentitySource
from qc_edge.domain.verdict import HoldReason
from qc_edge.inspection.frames import PreparedFrame

LINE = "line"
"""Where a part's id comes from if the line gave it with its trigger."""


def take_line_identity(prepared: PreparedFrame, line: LineIdentitySource, boot: str) -> None:
    """Give the frame the id and the lot of its trigger; without an id the part is held.

    A frame that brought an id of its own keeps it, and the lot where the line calls the part the
    same: of two different ids the handshake makes HOLD.
    """
    found = line.find(prepared.frame, boot)
    if prepared.file.recovered:
        found = LineIdentity(doubt="which id the line gave is not known after a restart")
    if prepared.part_source is not None:
        if found.part_id == prepared.frame.part_id:
            prepared.frame = replace(prepared.frame, lot=prepared.frame.lot or found.lot)
        return
    lot = prepared.frame.lot or found.lot
    prepared.frame = replace(prepared.frame, part_id=found.part_id, lot=lot)
    if found.part_id is not None:
        prepared.part_source = LINE
        return
    if HoldReason.NO_PART_ID not in prepared.holds:
        prepared.holds.append(HoldReason.NO_PART_ID)
    if found.doubt not in prepared.notes:
        prepared.notes.append(found.doubt)
