"""The people of a station on disk: name, role, and the hash of what they log in with.

One small file, readable by the station's user alone, replaced as a whole under a lock.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_edge.domain.label import PersonRole
from qc_edge.errors import StoreError, UsageError
from qc_edge.store.durable import write_file
from qc_edge.web.people.turn import alone_in

NAME = re.compile(r"[a-z][a-z0-9._-]{0,30}")
_FORMAT = 1
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class User:
    """One person. `password` is an argon2id hash, None before they have chosen one.

    `code` is the hash of a one-time code that is good until `code_until` (seconds since 1970, UTC),
    both None if there is none. `version` grows with every change, and nobody who is added anew has
    one that was there before: sessions end with it.
    """

    name: str
    role: PersonRole
    password: str | None = None
    code: str | None = None
    code_until: float | None = None
    version: int = 1


class Users:
    """The file `path`. Any thread and any process may read and change it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: tuple[object, Mapping[str, User]] = (None, {})

    def get(self, name: str) -> User | None:
        """The person of that name, as the file has it now."""
        return self.all().get(name)

    def all(self) -> Mapping[str, User]:
        """Everybody, by name. Raises StoreError if the file does not read."""
        with self._lock:
            try:
                status = self._path.stat()
            except FileNotFoundError:
                return {}
            # A file is replaced, never written in place: another one has another inode or time.
            sign = status.st_ino, status.st_mtime_ns, status.st_size
            if self._read[0] != sign:
                self._read = sign, _load(self._path)
            return self._read[1]

    def change(self, name: str, change: Callable[[User | None], User | None]) -> User | None:
        """Replace one person by what `change` makes of them, None: nobody. Returns the new one.

        Whatever `change` raises is raised, and then nothing changes. Raises StoreError.
        """
        with alone_in(self._path.parent):
            everybody = dict(self.all())
            after = change(everybody.get(name))
            everybody.pop(name, None)
            if after is not None:
                everybody[name] = after
            values = [asdict(everybody[each]) for each in sorted(everybody)]
            text = json.dumps({"format": _FORMAT, "users": values}, indent=1)
            write_file(self._path, text.encode(), mode=_PRIVATE)
        return after


def check_name(name: str) -> str:
    """The name, if people can be called that. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for the page",
            hint="small letters, digits, . _ and -, at most 31, a letter first: anna, b.meyer",
        )
    return name


def _load(path: Path) -> Mapping[str, User]:
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']}, expected {_FORMAT}")
        users = [_user(values) for values in content["users"]]
    except (OSError, ValueError, LookupError, TypeError) as fault:
        raise StoreError(
            f"cannot read the page's users, {path}: {fault}",
            hint="restore it from a backup, or remove it and add them again: qc-edge user",
        ) from None
    return {user.name: user for user in users}


def _user(values: dict[str, Any]) -> User:
    return User(**{**values, "role": PersonRole(values["role"])})
