"""What a person says of a part: the words, the roles and their rank, the regions of a defect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

_SHA256 = re.compile(r"[0-9a-f]{64}")

MOST_REGIONS = 200
"""Of one label. More is no person's work."""

MOST_POINTS = 2000
"""Of one polygon."""


class Said(str, Enum):
    """What was said of the part. The codes stand in the rows."""

    GOOD = "good"
    DEFECT = "defect"
    UNSURE = "unsure"
    """Looked at, and left to somebody else: counts only until anybody else says something."""
    NOT_INSPECTABLE = "not_inspectable"
    """The picture does not show what it would take."""
    DISPUTED = "disputed"
    """The verdict, or the label, is doubted. No judgement: it asks for one."""

    __str__ = str.__str__


class PersonRole(str, Enum):
    """As whom a person speaks, the least first: where people differ, the higher one counts."""

    OPERATOR = "operator"
    REVIEWER = "reviewer"
    ENGINEER = "engineer"
    QUALITY = "quality"

    __str__ = str.__str__


class LabelSource(str, Enum):
    """What brought a person to the part. The codes stand in the rows."""

    REVIEW = "review"
    DISPUTE = "dispute"
    AUDIT = "audit"
    """It was drawn at random from what PASSed."""
    CHALLENGE = "challenge"
    """It was put on the line on purpose, and what it is was known."""
    IMPORT = "import"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: `x` and `y` of its upper left corner, in pixels of the raw frame."""

    x: float
    y: float
    width: float
    height: float

    def to_json(self) -> dict[str, Any]:
        """As rows have it."""
        return {"box": [self.x, self.y, self.width, self.height]}

    @property
    def corners(self) -> Sequence[tuple[float, float]]:
        """The upper left and the lower right one."""
        return (self.x, self.y), (self.x + self.width, self.y + self.height)


@dataclass(frozen=True, slots=True)
class Polygon:
    """An outline of at least three points (x, y), in pixels of the raw frame."""

    points: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """As rows have it."""
        return {"polygon": [list(point) for point in self.points]}

    @property
    def corners(self) -> Sequence[tuple[float, float]]:
        """Its points."""
        return self.points


@dataclass(frozen=True, slots=True)
class Mask:
    """A picture of the raw frame's size, not 0 where the defect is: a PNG file in the state's
    `masks/`, named by the sha256 (hex) of its bytes.
    """

    sha256: str

    def to_json(self) -> dict[str, Any]:
        """As rows have it."""
        return {"mask": self.sha256}

    @property
    def corners(self) -> Sequence[tuple[float, float]]:
        """None: it is as large as the frame."""
        return ()


Region: TypeAlias = Box | Polygon | Mask


def regions_json(regions: Iterable[Region]) -> str | None:
    """The regions as a row has them; None if there are none."""
    values = [region.to_json() for region in regions]
    return json.dumps(values, separators=(",", ":")) if values else None


def parse_regions(text: str | None) -> tuple[Region, ...]:
    """The inverse of `regions_json`. Raises ValueError on foreign content."""
    if text is None:
        return ()
    values = json.loads(text)
    if not isinstance(values, list) or len(values) > MOST_REGIONS:
        raise ValueError(f"expected a list of at most {MOST_REGIONS} regions")
    return tuple(map(_region, values))


def misplaced(regions: Iterable[Region], width: int, height: int) -> str:
    """Which region is not within a frame of `width` x `height` pixels, in words; "" if all are."""
    for region in regions:
        if isinstance(region, Box) and (region.width <= 0 or region.height <= 0):
            return f"the box {_plain(region)} has no area"
        for x, y in region.corners:
            if not (0 <= x <= width and 0 <= y <= height):
                return f"{_plain(region)} leaves the frame of {width} x {height} pixels"
    return ""


def _plain(region: Region) -> str:
    return json.dumps(region.to_json())[1:-1].replace('"', "")[:80]


def _region(value: object) -> Region:
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("a region is one box, polygon or mask")
    ((kind, content),) = value.items()
    if kind == "mask" and isinstance(content, str) and _SHA256.fullmatch(content):
        return Mask(content)
    if kind == "box" and isinstance(content, list) and len(content) == 4:
        return Box(*map(_number, content))
    if kind == "polygon" and isinstance(content, list) and 3 <= len(content) <= MOST_POINTS:
        return Polygon(tuple(_point(point) for point in content))
    raise ValueError(f"{kind!r:.40} is no region: box [x, y, width, height], polygon, mask")


def _point(value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("a point is [x, y]")
    return _number(value[0]), _number(value[1])


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        raise ValueError(f"{value!r:.40} is no coordinate")
    return value
