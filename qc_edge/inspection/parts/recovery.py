"""Parts that were half seen when the station died, from the frames that the log has of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone

from qc_edge.domain.parts.rules import SeenView
from qc_edge.domain.verdict import HoldReason, Verdict
from qc_edge.inspection.parts.open_part import JudgedFrame, Member, OpenPart, Sighting
from qc_edge.inspection.parts.part_numbers import is_counted
from qc_edge.recipe.changeover.part_rules import RulesOfPart
from qc_edge.service.clock import utc_now
from qc_edge.store.log.part_lookups import HalfSeenFrame


def half_seen_parts(
    frames: Iterable[HalfSeenFrame], rules_of: Mapping[str | None, RulesOfPart], boot: str
) -> list[OpenPart]:
    """The parts of these frames, which wait for what lies in the spool, and no longer.

    `rules_of` has the rules of each recipe that a frame of them was judged by.
    """
    parts: dict[str, OpenPart] = {}
    for frame in frames:
        member = Member(_sighting(frame, boot), _judged(frame))
        if (part := parts.get(frame.attempt_id)) is not None:
            parts[frame.attempt_id] = part.with_member(member)
            continue
        rules, expected = rules_of[frame.recipe]
        is_findable = rules.by_trigger or not is_counted(frame.part_source)
        parts[frame.attempt_id] = OpenPart(
            frame.attempt_id,
            frame.part_id,
            rules,
            expected,
            (member,),
            alone=not is_findable,
            recovered=True,
        )
    return list(parts.values())


def _sighting(frame: HalfSeenFrame, boot: str) -> Sighting:
    at = frame.captured_at.replace(tzinfo=timezone.utc)
    exposed_ns = frame.monotonic_ns if frame.boot_id == boot else None
    if exposed_ns is None:
        # As the frames that still lie in the spool are dated: by the wall clock.
        exposed_ns = time.monotonic_ns() - int((utc_now() - at).total_seconds() * 1e9)
    return Sighting(
        frame_id=frame.frame_id,
        view=frame.view,
        exposed_ns=exposed_ns,
        is_dated=frame.hold_reason not in {HoldReason.IMPOSSIBLE_TIME, HoldReason.UNKNOWN_AGE},
        part_id=None if is_counted(frame.part_source) else frame.part_id,
        number=frame.camera_frame_number,
        is_backlog=True,
        recipe=frame.recipe,
    )


def _judged(frame: HalfSeenFrame) -> JudgedFrame:
    hold = HoldReason(frame.hold_reason) if frame.hold_reason else None
    seen = SeenView(frame.view, Verdict(frame.verdict), frame.reason, hold, frame.score)
    at: datetime = frame.captured_at.replace(tzinfo=timezone.utc)
    return JudgedFrame(seen, at, frame.lot, frame.part_source)
