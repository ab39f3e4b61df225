"""What a person asks for at the page: that a camera be calibrated from the station's own frames.

A small file that waits until the station has taken it up. It names frames and a region and brings
no bounds: those the station measures itself, and refuses if they are not what the person saw.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.calibration import Calibration
from qc_edge.errors import RecordError
from qc_edge.settings.section import NAME_PATTERN
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file
from qc_edge.store.safe_read import read_regular_file
from qc_edge.vision import UnreadableFrameError

WAITING_MAX = 20
"""Files that may wait: people ask a few times a year."""

FRAMES_MAX = 100

REGION_MIN = 32
"""Width and height of a region (pixels): the framing gate looks for a part in steps of 1/64."""

_FORMAT = 1
_SIZE_MAX = 16 * 1024
_NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")
_OLDEST, _NEWEST = timedelta(days=1), timedelta(minutes=1)
"""A record is dated when it was asked for: neither long ago nor in the future."""


@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """`frames` are ids of the station's frames of good parts that the person has seen, or none and
    `learning` says of how many frames the camera is to learn. `roi` is the region that is to be
    inspected, None for the whole frame. `expects` is `figures_digest` of the bounds that were
    shown. `asked_at` (aware UTC) is when.
    """

    camera: str
    who: str
    why: str
    asked_at: datetime
    roi: tuple[int, int, int, int] | None
    frames: tuple[str, ...] = ()
    learning: int | None = None
    expects: str = ""
    valid_days: int = 365


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: int = Field(ge=_FORMAT, le=_FORMAT)
    camera: str = Field(pattern=NAME_PATTERN)
    who: str = Field(min_length=1, max_length=100)
    why: str = Field(min_length=1, max_length=500)
    asked_at: AwareDatetime
    roi: list[Annotated[int, Field(ge=0, le=1 << 20)]] | None = Field(min_length=4, max_length=4)
    frames: list[Annotated[str, Field(max_length=80)]] = Field(max_length=FRAMES_MAX)
    learning: int | None = Field(ge=3, le=1000)
    expects: str = Field(max_length=64)
    valid_days: int = Field(ge=1, le=3650)


def figures_digest(calibration: Calibration) -> str:
    """Of all in a record that parts are judged by: the same figures, the same digest (hex)."""
    values = asdict(calibration)
    names = ("camera", "width", "height", "sizes", "bit_depth", "roi", "bounds", "framing")
    text = json.dumps({name: values[name] for name in names}, default=bytes.hex, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def leave(directory: Path, request: CalibrationRequest) -> str | None:
    """Keep it durably for the station; its name. None if too many wait already.

    Raises StoreError if the disk refuses.
    """
    make_directories([directory])
    if sum(1 for _ in names(directory)) >= WAITING_MAX:
        return None
    name = f"{request.asked_at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}"
    values = {"format": _FORMAT, **asdict(request), "asked_at": request.asked_at.isoformat()}
    write_file(directory / f"{name}.json", json.dumps(values, ensure_ascii=False).encode())
    return name


def names(directory: Path) -> Iterator[str]:
    """The names of the requests that wait, in no order; none if there is no such directory."""
    return (path.stem for path in directory.glob("*.json") if not path.name.startswith("."))


def load(directory: Path, name: str) -> CalibrationRequest:
    """One of them. Raises RecordError that says why it is none."""
    path = directory / f"{name}.json"
    try:
        if not _NAME.fullmatch(name):
            raise ValueError("no name of a request")
        data = read_regular_file(path, _SIZE_MAX, "for a request")
        shape = _Shape.model_validate_json(data)
        if bool(shape.frames) == bool(shape.learning):
            raise ValueError("either frames or how many are to be learned from")
        if shape.roi is not None and min(shape.roi[2:]) < REGION_MIN:
            raise ValueError(f"a region has at least {REGION_MIN} x {REGION_MIN} pixels")
    except (OSError, ValueError, UnreadableFrameError) as fault:
        said = "not what a request holds" if isinstance(fault, ValidationError) else str(fault)
        raise RecordError(
            f"the request {path.name!r} is refused: {said}", hint="ask again at the page"
        ) from None
    values = shape.model_dump(exclude={"format"})
    roi = shape.roi and (shape.roi[0], shape.roi[1], shape.roi[2], shape.roi[3])
    # A record's id is its date in UTC: in another zone it would be of some hours later.
    asked_at = shape.asked_at.astimezone(timezone.utc)
    given = {"roi": roi, "frames": tuple(shape.frames), "asked_at": asked_at}
    return CalibrationRequest(**{**values, **given})


def check_date(request: CalibrationRequest, now: datetime) -> None:
    """Raise RecordError unless it was asked for lately: its record is dated by that."""
    if not now - _OLDEST <= request.asked_at <= now + _NEWEST:
        asked_at = f"{request.asked_at:%Y-%m-%d %H:%M}"
        raise RecordError(
            f"a request is refused: asked at {asked_at}, a day ago at most",
            hint="ask again at the page",
        )


def refused(set_aside: Path, name: str) -> Path:
    """Where a request that was refused is kept, and beside it (`.txt`) why."""
    return set_aside / f"calibration-request-{name[:80]}.json"


def why_refused(set_aside: Path, name: str) -> str | None:
    """In words why a request was refused; None if it was not."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return refused(set_aside, name).with_suffix(".txt").read_text(encoding="utf-8")
    except OSError:
        return None


def is_waiting(directory: Path, name: str) -> bool:
    """True until the station has taken it up."""
    return _NAME.fullmatch(name) is not None and (directory / f"{name}.json").exists()
