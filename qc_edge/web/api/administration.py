"""What `qc-edge token` does with the tokens of a station; each change is told to the log."""

from __future__ import annotations

import time
from collections.abc import Sequence

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths
from qc_edge.web.api.tokens import ApiToken, Scope, Tokens
from qc_edge.web.people.log_notice import tell_log
from qc_edge.web.people.users import NAME, parse_role

DAYS_MAX = 3660
_DAY_S = 86_400.0


class TokenAdministration:
    """The tokens of one station, changed by `doer`, a user of the system."""

    def __init__(self, paths: StationPaths, doer: str) -> None:
        self._paths = paths
        self._doer = doer
        self._tokens = Tokens(paths.page_tokens)

    def everything(self) -> list[tuple[ApiToken, str]]:
        """All of them, and in words whether they are good. Raises StoreError."""
        now, tokens = time.time(), self._tokens.all()
        return [(tokens[name], _state(tokens[name], now)) for name in sorted(tokens)]

    def add(self, name: str, scopes: Sequence[str], role: str, days: int) -> str:
        """Make a token; its secret. One of the same name is good no more. Raises UsageError or
        StoreError; then nothing has changed.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a token",
                hint="small letters, digits, . _ and -, at most 31, a letter first: mes, scada.2",
            )
        if not 1 <= days <= DAYS_MAX:
            raise UsageError(f"--days {days}: expected 1 to {DAYS_MAX}")
        before, now = self._tokens.all().get(name), time.time()
        token = ApiToken(
            name, _scopes(scopes), "", parse_role(role), now, self._doer, now + days * _DAY_S
        )
        # First: nobody may come in by what the log will never know of.
        self._tell(f"api: token {name} for {days} days as {token.role}", before, token)
        return self._tokens.add(token)

    def revoke(self, name: str) -> None:
        """End it. Raises UsageError if there is none, or StoreError."""
        before = self._tokens.all().get(name)
        if before is None:
            raise UsageError(
                f"there is no token {name!r}", hint=f"qc-edge token {self._paths.name} lists all"
            )
        self._tell(f"api: token {name} revoked", before, None)
        self._tokens.remove(name)

    def _tell(self, detail: str, before: ApiToken | None, after: ApiToken | None) -> None:
        was, now = (" ".join(each.scopes) if each else None for each in (before, after))
        occurrence = Occurrence(EventKind.PAGE_TOKEN, detail, was, now, self._doer)
        tell_log(self._paths, occurrence)


def _scopes(typed: Sequence[str]) -> tuple[Scope, ...]:
    known = [scope.value for scope in Scope]
    wanted = [each.strip() for text in typed for each in text.split(",")]
    if unknown := [each for each in wanted if each not in known]:
        raise UsageError(f"there is no scope {unknown[0]!r}", hint=f"one of {', '.join(known)}")
    return tuple(scope for scope in Scope if scope.value in wanted)


def _state(token: ApiToken, now: float) -> str:
    if token.expires <= now:
        return "EXPIRED"
    return f"good for {(token.expires - now) / _DAY_S:.0f} days"
