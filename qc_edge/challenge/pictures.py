"""Whether a challenge part that was shown is a picture that was kept: that proves nothing."""

from __future__ import annotations

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.told import ToldPart
from qc_edge.settings import Settings
from qc_edge.store.log import challenge_lookups as lookups
from qc_edge.store.log.ledger import Ledger


def stored_picture(ledger: Ledger, told: ToldPart, settings: Settings) -> str:
    """In words that a frame of the part is, bit by bit, one of a challenge part before, however
    long ago; empty if none is. Raises StoreError.
    """
    digests = [
        each.raw_sha256
        for each in told.inspections
        if each.raw_sha256 and _never_repeats(each, settings)
    ]
    if not digests:
        return ""
    frames = [each.frame_id for each in told.inspections]
    before = ledger.ask(lambda log: lookups.same_picture_before(log, frames, digests))
    return f"it is the same picture as {before}" if before else ""


def _never_repeats(row: Inspection, settings: Settings) -> bool:
    """Played and rendered pictures do repeat, and the settings say so."""
    if row.original_name is not None:
        return settings.incoming.repeated_frames
    return any(each.holds_repeated_frames for each in settings.camera if each.name == row.camera)
