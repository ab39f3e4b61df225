"""Whose a frame is by the word of the line, which gives a part's id and lot with its trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from qc_edge.domain.frame import Frame


@dataclass(frozen=True, slots=True)
class LineIdentity:
    """The id and the lot that the line gave with the one trigger that the frame is of.

    `part_id` is None where there is none to be taken; `doubt` says why, in words.
    """

    part_id: str | None = None
    lot: str | None = None
    doubt: str = ""


class LineIdentitySource(Protocol):
    """Asked by the inspector's thread. `qc_edge.output.handshake.identities` fulfils it."""

    def find(self, frame: Frame, boot: str) -> LineIdentity:
        """The same each time that it is asked of one frame; `boot` is the boot id of now."""
