"""A label as another tool's file has it, before it is known which inspection is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qc_edge.domain.label import Region, Said

_FRAME = re.compile(r"\d{8}T\d{12}Z-[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class ForeignLabel:
    """What a file says of one picture. `where` is its place in the file, `target` a frame id, a
    part's id or the name of an image file; `who` None where the file names nobody.
    """

    where: str
    target: str
    said: Said
    defect_class: str | None = None
    who: str | None = None
    role: str | None = None
    why: str | None = None
    regions: tuple[Region, ...] = ()
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit, and why, in words."""

    where: str
    why: str


@dataclass(slots=True)
class ForeignFile:
    """What was read of a file."""

    labels: list[ForeignLabel] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)


def frame_in(text: str) -> str:
    """The frame id in the name of an evidence file, else the name itself without its directory."""
    match = _FRAME.search(text)
    return match[0] if match else text.replace("\\", "/").rpartition("/")[2]


def parse_said(text: str) -> Said:
    """The word as people write it. Raises ValueError."""
    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    try:
        said = Said(word)
    except ValueError:
        raise ValueError(f"{text!r:.40} is none of {', '.join(map(str, JUDGEMENTS))}") from None
    if said is Said.DISPUTED:
        raise ValueError("a dispute is no label")
    return said


JUDGEMENTS = tuple(said for said in Said if said is not Said.DISPUTED)


def one_class(classes: Sequence[str]) -> str | None:
    """The class that all regions have. Raises ValueError if they have several."""
    names = sorted(set(classes))
    if len(names) > 1:
        raise ValueError(f"regions of several classes: {', '.join(names)}")
    return names[0] if names else None


def text_of(values: Mapping[str, Any], name: str) -> str | None:
    """The text under that name; None if it is empty or not there. Raises TypeError."""
    value = values.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r:.40}, expected text")
    return value.strip() or None
