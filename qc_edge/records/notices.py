"""What another process has to say to the log: an event as a small file, until the station has
taken it up.

The page, `qc-edge user` and `qc-edge sync` leave them; only the station's own
process writes the log.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import RecordError
from qc_edge.service.clock import utc_now
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file
from qc_edge.store.safe_read import read_regular_file
from qc_edge.vision import UnreadableFrameError

KINDS = frozenset(
    {
        EventKind.PAGE_LOGIN,
        EventKind.PAGE_LOGIN_REFUSED,
        EventKind.PAGE_LOGOUT,
        EventKind.PAGE_USER,
        EventKind.SYNCED,
        EventKind.RESTORED,
        EventKind.SOFTWARE_FELL_BACK,
        EventKind.BOX_RESET,
        EventKind.PAGE_TOKEN,
        EventKind.MSA_STUDY,
        EventKind.PAGE_TOKEN_REFUSED,
    }
)
"""What may come this way: nobody who can leave a file here may say that a threshold is in force."""

WAITING_MAX = 2000
"""Files that may wait for a station at rest."""

_FORMAT = 1
_SIZE_MAX = 4096
_NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Notice:
    """An occurrence and when it was (aware UTC). Its detail ends with the time, which tells it
    from every other one.
    """

    at: datetime
    occurrence: Occurrence


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: int = Field(ge=_FORMAT, le=_FORMAT)
    at: AwareDatetime
    kind: str
    detail: str = Field(min_length=1, max_length=500)
    before: str | None = Field(max_length=200)
    after: str | None = Field(max_length=200)
    who: str = Field(min_length=1, max_length=100)
    why: str | None = Field(max_length=500)


def leave(directory: Path, occurrence: Occurrence) -> Path | None:
    """Keep it durably for the station to take up. None if too many wait already.

    Raises StoreError if the disk refuses.
    """
    if occurrence.kind not in KINDS:
        raise ValueError(f"{occurrence.kind} is for the station itself to say")
    make_directories([directory])
    if sum(1 for _ in names(directory)) >= WAITING_MAX:
        return None
    at = utc_now()
    path = directory / f"{at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}.json"
    values = {
        "format": _FORMAT,
        "at": at.isoformat(),
        "kind": occurrence.kind.value,
        "detail": f"{occurrence.detail}, {at:%Y-%m-%d %H:%M:%S.%f} UTC",
        "before": occurrence.before,
        "after": occurrence.after,
        "who": occurrence.who,
        "why": occurrence.why,
    }
    write_file(path, json.dumps(values, ensure_ascii=False).encode())
    return path


def names(directory: Path) -> Iterator[str]:
    """The names of the files that wait, in no order; none if there is no such directory."""
    return (path.stem for path in directory.glob("*.json") if not path.name.startswith("."))


def load(directory: Path, name: str) -> Notice:
    """One of them. Raises RecordError if it is none that may come this way."""
    path = directory / f"{name}.json"
    try:
        if not _NAME.fullmatch(name):
            raise ValueError("no name of a notice")
        data = read_regular_file(path, _SIZE_MAX, "for a notice")
        shape = _Shape.model_validate_json(data)
        if shape.kind not in KINDS:
            raise ValueError(f"an event {shape.kind!r} is for the station itself to say")
    except (OSError, ValueError, UnreadableFrameError) as fault:
        said = str(fault) if not isinstance(fault, ValidationError) else "not what a notice holds"
        raise RecordError(
            f"the notice {path.name!r} is refused: {said}",
            hint=f"{directory} is for the page, qc-edge user and qc-edge sync alone",
        ) from None
    occurrence = Occurrence(
        EventKind(shape.kind), shape.detail, shape.before, shape.after, shape.who, shape.why
    )
    return Notice(shape.at, occurrence)
