"""The tokens of other programs on disk: name, scopes, until when, and the digest of the secret.

The secret itself is random and long, so that one SHA-256 keeps it as safe as a slow hash would keep
a password (NIST SP 800-63B, look-up secrets of at least 112 bits).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from qc_edge.domain.label import PersonRole
from qc_edge.errors import StoreError
from qc_edge.web.people.kept_list import KeptList, ListKind

PREFIX = "qce_"
"""So that a secret that lies about is known for what it is."""

_USED_EVERY_S = 60.0


class Scope(str, Enum):
    """What a token is good for."""

    READ = "read"
    """Parts, labels, status and recipes."""
    LABEL = "label"
    """Say what a part is, or that its verdict is doubtful."""
    RECIPE = "recipe"
    """Ask for a changeover to an approved recipe."""

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One program. Times are seconds since 1970; `used` is when it last came, to the minute, None
    if never. Labels that it gives are of `role`.
    """

    name: str
    scopes: tuple[Scope, ...]
    digest: str
    role: PersonRole
    made: float
    made_by: str
    expires: float
    used: float | None = None


class Tokens:
    """The file `path`. Any thread and any process may read and change it."""

    def __init__(self, path: Path) -> None:
        kind = ListKind("tokens", "the tokens of the API", "qc-edge token", _token)
        self._list = KeptList(path, kind)

    def all(self) -> Mapping[str, ApiToken]:
        """Every token, by name. Raises StoreError if the file does not read."""
        return self._list.all()

    def find(self, secret: str, now: float) -> ApiToken | None:
        """The token with this secret, if it is good at `now`; that it was used is kept, once a
        minute and where the disk takes it. Raises StoreError if the file does not read.
        """
        digest = _digest(secret)
        found = next((each for each in self.all().values() if each.digest == digest), None)
        if found is None or found.expires <= now:
            return None
        if found.used is None or now - found.used >= _USED_EVERY_S:
            # On a full disk programs go on reading: when they came last is the least of it.
            with suppress(StoreError):
                self._note_use(found, now)
        return found

    def add(self, token: ApiToken) -> str:
        """Keep a new one under its name; its secret, which is kept nowhere. Raises StoreError."""
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._list.changing() as tokens:
            tokens[token.name] = replace(token, digest=_digest(secret))
        return secret

    def remove(self, name: str) -> None:
        """Revoke it. Raises StoreError."""
        with self._list.changing() as tokens:
            tokens.pop(name, None)

    def _note_use(self, token: ApiToken, now: float) -> None:
        with self._list.changing() as tokens:
            # It may have been revoked, or made anew, since it was found.
            if (kept := tokens.get(token.name)) is not None and kept.digest == token.digest:
                tokens[token.name] = replace(kept, used=now)


def _digest(secret: str) -> str:
    # Compared as digests: how long that takes tells nothing of the secret.
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(values: dict[str, Any]) -> ApiToken:
    scopes = tuple(Scope(each) for each in values["scopes"])
    return ApiToken(**{**values, "scopes": scopes, "role": PersonRole(values["role"])})
