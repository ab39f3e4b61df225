"""What a person asks to have written down of one inspection."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.domain.label import LabelSource, PersonRole, Region, Said
from qc_edge.errors import UsageError

LONGEST_NAME = 200
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class MaskImage:
    """A mask that is still to be kept: a PNG of the raw frame's size, not 0 where the defect is."""

    png: bytes


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """What `who` says of a part.

    `target` is a frame id, or the id of a part that was inspected once. `seen_sha256` is the digest
    (hex, of the pixels) of the raw frame that was shown, None if none was; `took_s` how long the
    person took (s). `blind`: the words of others were hidden. `defect_class` goes with DEFECT.
    `key` (32 hex digits) makes it the same label however often it is written; None: a new one.
    """

    target: str
    said: Said
    who: str
    role: PersonRole = PersonRole.REVIEWER
    source: LabelSource = LabelSource.REVIEW
    defect_class: str | None = None
    why: str | None = None
    regions: tuple[Region | MaskImage, ...] = ()
    seen_sha256: str | None = None
    took_s: float | None = None
    blind: bool = False
    key: str | None = None

    def check(self) -> None:
        """Raise UsageError for a request that no label can be made of."""
        check_text("who says so (--by)", self.who, LONGEST_NAME)
        if self.defect_class is not None:
            check_text("the class", self.defect_class, LONGEST_NAME)
        if self.why is not None:
            check_text("the note (--why)", self.why, LONGEST_NOTE)
        if self.said is not Said.DEFECT and (self.defect_class or self.regions):
            raise UsageError(
                f"a part that is {self.said} has no class and no region of a defect",
                hint="say defect, or leave them out",
            )
        if self.took_s is not None and not 0 <= self.took_s <= 86_400:
            raise UsageError(f"it took {self.took_s:g} s: expected 0 to 86400")


def check_text(what: str, text: str, longest: int) -> None:
    """Raise UsageError unless `text` is one line of at most `longest` characters."""
    if not text.strip() or not text.isprintable() or len(text) > longest:
        found = "missing" if not text.strip() else f"{text[:40]!r}"
        raise UsageError(f"{what} is {found}", hint=f"one line of 1 to {longest} characters")
