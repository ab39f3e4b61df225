"""Whose frame a dropped file is: the part's id from its sidecar or its name, and what speaks
against it.

An id is taken or it is missing; it is never guessed. Pure: reads no file, counts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qc_edge.domain.part_id import PartIdError, normalise_part_id
from qc_edge.domain.verdict import HoldReason
from qc_edge.intake.sidecar import Sidecar
from qc_edge.settings import IncomingSettings
from qc_edge.settings.name_pattern import NamePattern

SIDECAR, NAME = "sidecar", "name"
DOUBTFUL = "_doubtful_sidecar"
"""Behind the source of an id: a sidecar lay beside the image, and may be another part's."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a dropped file brought: an id and where from, None without one.

    `sidecar_doubt` says why a sidecar that lay beside it was not taken.
    `holds` are the reasons to hold the part; `notes` say in words what was found and expected.
    """

    part_id: str | None
    source: str | None
    sidecar_doubt: str | None = None
    holds: tuple[HoldReason, ...] = ()
    notes: tuple[str, ...] = ()


def identify(
    name: str, sidecar: Sidecar | None, doubt: str | None, rules: IncomingSettings
) -> Identity:
    """The identity of the file that was dropped as `name`.

    `sidecar` is the one that fits, None without one; `doubt` says why one was set aside.
    """
    holds, notes = [], []
    is_required = rules.part_id == "required"
    part_id, source = None, None
    is_lost = False  # there was an id, and it cannot be taken
    if sidecar is not None and sidecar.part_id is not None:
        part_id, source = sidecar.part_id, SIDECAR
    elif rules.part_id_pattern is not None:
        try:
            part_id = _id_in_name(name, rules.part_id_pattern)
        except PartIdError as fault:
            is_lost = True
            notes.append(f"the id in the name is refused: {fault}")
        else:
            if part_id is None:
                notes.append("the name has no id by incoming.part_id_pattern")
        source = NAME if part_id else None
    if part_id is None and sidecar is not None and sidecar.looks_like_part_id is not None:
        is_lost = True
        notes.append(
            f'sidecar: unknown key {sidecar.looks_like_part_id!a}, did you mean "part_id"?'
        )
    if doubt is not None:
        notes.append(f"its sidecar was set aside: {doubt}")
        if is_required or rules.sidecar == "required":
            holds.append(HoldReason.DOUBTFUL_SIDECAR)
    if part_id is None and (is_lost or (is_required and doubt is None)):
        holds.append(HoldReason.NO_PART_ID)
        if not notes:
            notes.append("neither sidecar nor name has a part_id")
    if source is not None and doubt is not None:
        source += DOUBTFUL
    return Identity(part_id, source, doubt, tuple(holds), tuple(notes))


def _id_in_name(name: str, pattern: str) -> str | None:
    text = _compiled(pattern).find(name)
    return normalise_part_id(text) if text else None


@lru_cache(maxsize=8)
def _compiled(pattern: str) -> NamePattern:
    return NamePattern(pattern)
