"""The people of a station on disk: name, role, and the hash of what they log in with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.domain.label import PersonRole
from qc_edge.errors import UsageError
from qc_edge.web.people.kept_list import KeptList, ListKind

NAME = re.compile(r"[a-z][a-z0-9._-]{0,30}")


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
        self._list = KeptList(path, ListKind("users", "the page's users", "qc-edge user", _user))

    def get(self, name: str) -> User | None:
        """The person of that name, as the file has it now."""
        return self.all().get(name)

    def all(self) -> Mapping[str, User]:
        """Everybody, by name. Raises StoreError if the file does not read."""
        return self._list.all()

    def change(self, name: str, change: Callable[[User | None], User | None]) -> User | None:
        """Replace one person by what `change` makes of them, None: nobody. Returns the new one.

        Whatever `change` raises is raised, and then nothing changes. Raises StoreError.
        """
        with self._list.changing() as everybody:
            after = change(everybody.pop(name, None))
            if after is not None:
                everybody[name] = after
        return after


def check_name(name: str) -> str:
    """The name, if people can be called that. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for the page",
            hint="small letters, digits, . _ and -, at most 31, a letter first: anna, b.meyer",
        )
    return name


def parse_role(typed: str) -> PersonRole:
    """The role of that name. Raises UsageError."""
    try:
        return PersonRole(typed)
    except ValueError:
        roles = ", ".join(role.value for role in PersonRole)
        raise UsageError(f"there is no role {typed!r}", hint=f"one of {roles}") from None


def _user(values: dict[str, Any]) -> User:
    return User(**{**values, "role": PersonRole(values["role"])})
