"""The parts whose verdict turns, as pictures: the worst first, each linked to its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from qc_edge.analysis.replay.threshold_impact import ThresholdImpact
from qc_edge.domain.history import Flip
from qc_edge.plot.embedded import EmbeddedPicture, embed
from qc_edge.plot.page import Gallery, GalleryPicture
from qc_edge.query import evidence
from qc_edge.vision import UnreadableFrameError

LinkReports = Callable[[Sequence[Flip]], Mapping[str, str]]
"""Writes the reports of these parts: frame id -> where, relative to the page. A part of which there
can be no report is left out.
"""

_SIDE = 480
_MEANINGS = (
    "a defect would escape",
    "a good part would be rejected",
    "nobody has looked at it",
    "nobody has looked at it",
    "its verdict would become right",
)
"""By Flip.badness."""


def flip_gallery(impact: ThresholdImpact, state: Path, link_reports: LinkReports | None) -> Gallery:
    """A picture of each of the flips that are listed; frames are read below `state`."""
    flips, count = impact.flips, impact.flip_count
    links = link_reports(flips) if link_reports else {}
    shown = tuple(_shown(flip, impact.zone, state, links.get(flip.frame_id)) for flip in flips)
    return Gallery(f"The worst {len(flips):,} of {count:,} that turn", shown)


def _shown(flip: Flip, zone: tzinfo, state: Path, link: str | None) -> GalleryPicture:
    picture = _frame(flip, state)
    score = f"score {flip.score:.4f}"
    if flip.rescored is not None:
        score += f" → {flip.rescored:.4f}"
    label = f"labelled {flip.label}: " if flip.label else ""
    lines = [
        f"{flip.verdict} → {flip.replayed}",
        f"{score}, threshold then {flip.threshold:g}",
        f"{label}{_MEANINGS[flip.badness]}",
        f"{flip.camera}, {flip.recorded_at.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone})",
    ]
    if picture is None:
        lines.insert(0, "its frame is not there any more, or does not read")
    return GalleryPicture(picture, flip.part_id, tuple(lines), link)


def _frame(flip: Flip, state: Path) -> EmbeddedPicture | None:
    if flip.raw_path is None:
        return None
    path = evidence.find(state, flip.raw_path)
    if path is None:
        return None
    try:
        return embed(evidence.read(path).gray, _SIDE)
    except (OSError, UnreadableFrameError):
        return None
