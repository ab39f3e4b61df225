"""A list of records that is one small file, such as the people of a station."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from qc_edge.errors import StoreError
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

_FORMAT = 1
_PRIVATE = 0o600


class Named(Protocol):
    """A dataclass with a name."""

    @property
    def name(self) -> str:
        """That no other of its list has."""


_T = TypeVar("_T", bound=Named)


@dataclass(frozen=True, slots=True)
class ListKind(Generic[_T]):
    """What a list holds: the key in its file, what it is in words, the command that adds to it, and
    how a record is made of its values. That may raise ValueError, LookupError or TypeError.
    """

    key: str
    words: str
    command: str
    of_values: Callable[[dict[str, Any]], _T]


class KeptList(Generic[_T]):
    """The file `path`, readable by the station's user alone. Any thread and any process may read
    and change it: it is replaced as a whole, under a lock.
    """

    def __init__(self, path: Path, kind: ListKind[_T]) -> None:
        self._path = path
        self._kind = kind
        self._read: tuple[object, Mapping[str, _T]] = (None, {})

    def all(self) -> Mapping[str, _T]:
        """Every record as the file has it now, by name. Raises StoreError if it does not read."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        # A file is replaced, never written in place: another one has another inode or time.
        sign = status.st_ino, status.st_mtime_ns, status.st_size
        read = self._read
        if read[0] != sign:
            # Both at once, so that no thread takes the records of one file for those of another.
            self._read = read = sign, self._load()
        return read[1]

    @contextmanager
    def changing(self) -> Iterator[dict[str, _T]]:
        """The records, to be changed in here, where nobody else changes them; kept at the end, and
        not at all if anything is raised. Raises StoreError.
        """
        with _alone_in(self._path.parent):
            before = self.all()
            records = dict(before)
            yield records
            if records != before:
                # typing has no word for "a dataclass".
                values = [asdict(records[name]) for name in sorted(records)]  # type: ignore[call-overload]
                text = json.dumps({"format": _FORMAT, self._kind.key: values}, indent=1)
                write_file(self._path, text.encode(), mode=_PRIVATE)

    def _load(self) -> Mapping[str, _T]:
        try:
            content = json.loads(self._path.read_bytes())
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}, expected {_FORMAT}")
            records = [self._kind.of_values(values) for values in content[self._kind.key]]
        except (OSError, ValueError, LookupError, TypeError) as fault:
            raise StoreError(
                f"cannot read {self._kind.words}, {self._path}: {fault}",
                hint="restore it from a backup, or remove it and add them again: "
                f"{self._kind.command}",
            ) from None
        return {record.name: record for record in records}


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    make_directories([directory])
    # The directory and not the file, which is replaced.
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
