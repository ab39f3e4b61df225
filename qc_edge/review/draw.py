"""Samples that are drawn by a keyed hash of the frame id: the same frames, whenever it is done."""

from __future__ import annotations

import hashlib

from qc_edge.settings import Settings
from qc_edge.store.log.duck import quoted

_DIGITS = 8


def draw_key(settings: Settings, what: str) -> str:
    """The key of the draw `what` (audit, second): two draws of one station differ."""
    return f"{settings.review.draw_key or settings.station.name}:{what}:"


def limit(share: float) -> str:
    """What the first digits of a hash stay below for a share (0..1) of the frames."""
    return f"{round(share * 16**_DIGITS):0{_DIGITS}x}" if share < 1 else "g"


def is_drawn(key: str, share: float, frame_id: str) -> bool:
    """Whether the frame is in the sample."""
    digest = hashlib.sha256(f"{key}{frame_id}".encode()).hexdigest()[:_DIGITS]
    return digest < limit(share)


def drawn_sql(key: str, share: float) -> str:
    """The same as SQL over the column frame_id."""
    return f"left(sha256({quoted(key)} || frame_id), {_DIGITS}) < {quoted(limit(share))}"
