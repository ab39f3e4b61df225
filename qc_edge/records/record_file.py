"""Records of what persons decide: a dated TOML file each, proven by a digest, never changed or
removed.

`DIRECTORY/20261123T101500123456Z.toml`. A damaged or edited record is refused by name; what a
record means is for its own module to say.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.printable import printable
from qc_edge.errors import QcEdgeError
from qc_edge.settings import toml
from qc_edge.store.durable import write_file
from qc_edge.store.safe_read import read_pieces, read_regular_file
from qc_edge.store.set_aside import move_aside
from qc_edge.vision import UnreadableFrameError

FORMAT = 1
"""Of the file; a reader refuses any other."""

_SIZE_MAX = 1 << 20
"""Bytes of a record's file: those of a decision have a few hundred."""


class RecordSchema(BaseModel):
    """What every record says beside its own fields: its digest, and who made it, when and why."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    record_id: str
    station: str
    made_at: AwareDatetime
    made_by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Record(Protocol):
    """A frozen dataclass with the fields of its Shape, `format` and `digest` left out."""

    @property
    def record_id(self) -> str:
        """The name of its file; ids sort by time."""

    @property
    def station(self) -> str:
        """Whose it is."""


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Records(Generic[R]):
    """One kind of record: what it is called, how it is checked and what raises when it is wrong."""

    noun: str
    command: str
    shape: type[RecordSchema]
    make: type[R]
    error: type[QcEdgeError]

    def write(self, directory: Path, record: R) -> Path:
        """Keep a new record durably and return its path.

        Raises the kind's error if there is a record as new or newer, StoreError if the disk
        refuses.
        """
        newest = max(self.names(directory), default="")
        if newest >= record.record_id:
            raise self.error(
                f"{directory} already has the record {printable(newest)}: a new one must be dated "
                f"later than that, this one is {record.record_id}",
                hint="if the clock was set back, set it right first",
            )
        path = directory / f"{record.record_id}.toml"
        about = (
            f"# {self.noun} of station {record.station}, made by qc-edge; a change by hand "
            "makes it invalid."
        )
        content = {"format": FORMAT, "digest": _digest(record), **_values(record)}
        lines = [about, *(f"{name} = {_toml(value)}" for name, value in content.items())]
        write_file(path, ("\n".join(lines) + "\n").encode())
        return path

    def names(self, directory: Path) -> Iterator[str]:
        """The ids of the records in `directory`, in no order; none if it does not exist."""
        return (path.stem for path in directory.glob("*.toml") if not path.name.startswith("."))

    def sound_and_damaged(self, directory: Path) -> tuple[list[R], list[str]]:
        """The records that are as they were made, oldest first, and the ids of the others."""
        sound: list[R] = []
        damaged: list[str] = []
        for name in sorted(self.names(directory)):
            try:
                sound.append(self.load(directory, name))
            except QcEdgeError:
                damaged.append(name)
        return sound, damaged

    def set_aside(self, directory: Path, name: str, aside: Path) -> Path:
        """Move a damaged record to `aside`, kept for whoever wants to look. Raises StoreError."""
        target = aside / f"{self.noun}-{name}.toml"
        move_aside(directory / f"{name}.toml", target)
        return target

    def load_all(self, directory: Path) -> list[R]:
        """Every record, oldest first. Raises the kind's error on one that is damaged."""
        return [self.load(directory, name) for name in sorted(self.names(directory))]

    def load(self, directory: Path, name: str) -> R:
        """The record with the id `name`. Raises the kind's error, which says what is wrong with
        it.
        """
        path = directory / f"{name}.toml"
        shown = printable(str(path))  # in messages that become rows: the name is another's
        hint = (
            "records are never edited: restore it from a backup; a new one is made by "
            f"{self.command}"
        )
        try:
            text = read_regular_file(path, _SIZE_MAX, "for a record").decode()
            content = self.shape.model_validate(toml.loads(text))
        except ValidationError as faults:
            lines = [
                f"  {'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg']}"
                for fault in faults.errors()
            ]
            raise self.error(
                f"the {self.noun} {shown} is no record of format {FORMAT}:\n" + "\n".join(lines),
                hint,
            ) from None
        except (OSError, ValueError, RecursionError, UnreadableFrameError) as fault:
            raise self.error(f"cannot read the {self.noun} {shown}: {fault}", hint) from None
        record = self.make(**content.model_dump(exclude={"format", "digest"}))
        if (digest := _digest(record)) != content.digest:
            raise self.error(
                f"the {self.noun} {shown} has been changed: its content has the digest {digest}, "
                f"the record says {content.digest}",
                hint,
            )
        if record.record_id != name:
            raise self.error(
                f"the {self.noun} {shown} is the record {record.record_id}",
                hint="it has been renamed: put it back",
            )
        return record


def file_digest(path: Path) -> str | None:
    """SHA-256 (hex) of a file's bytes; None if there is no such file, "" if it cannot be read."""
    try:
        # A pipe has no other end to wait for.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return ""
            return hashlib.sha256(b"".join(read_pieces(fd, lambda: None))).hexdigest()
        finally:
            os.close(fd)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""


def _values(record: Any) -> dict[str, Any]:
    """The fields, whole numbers that are scores as the fractions they are read back as.

    Without those that say nothing: a field that came later changes no earlier record's digest.
    """
    values = {name: value for name, value in asdict(record).items() if value is not None}
    return values | {name: float(value) for name, value in values.items() if type(value) is int}


def _digest(record: Any) -> str:
    """SHA-256 of the record as canonical JSON."""
    text = json.dumps(
        _values(record), sort_keys=True, separators=(",", ":"), default=datetime.isoformat
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _toml(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
