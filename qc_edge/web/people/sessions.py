"""Who is logged in: kept in memory, so that a restart of the page logs everybody out."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from qc_edge.web.people.users import User, Users

_LONGEST_S = 12 * 3600.0
"""A shift and a bit: nobody stays logged in longer, however busy."""

_OF_ONE = 8
_OF_ALL = 200


@dataclass(slots=True)
class Session:
    """One log-in. `form_token` proves that a form came from this session's own pages.

    `version` is the user's when they logged in; `seen` and `began` are seconds of the monotonic
    clock.
    """

    user: User
    form_token: str
    began: float
    seen: float


class Sessions:
    """The sessions, by the digest of the token that is in the browser's cookie. From any thread."""

    def __init__(
        self,
        users: Users,
        idle_s: Callable[[], float],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`idle_s`: after so many seconds without a request of the person a session ends."""
        self._users = users
        self._idle_s = idle_s
        self._now = now
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, user: User) -> str:
        """The token of a new session, for the cookie."""
        token = secrets.token_urlsafe(32)
        now = self._now()
        with self._lock:
            own = [key for key, each in self._sessions.items() if each.user.name == user.name]
            for key in own[: max(0, len(own) - _OF_ONE + 1)]:
                del self._sessions[key]
            while len(self._sessions) >= _OF_ALL:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[_key(token)] = Session(user, secrets.token_urlsafe(24), now, now)
        return token

    def find(self, token: str | None, *, is_person: bool = True) -> Session | None:
        """The session of a token; None if there is none, it has ended, or its user has changed.

        `is_person`: somebody did something, so it stays; a page that refreshes itself does not
        count.
        """
        if not token:
            return None
        now = self._now()
        with self._lock:
            session = self._sessions.get(_key(token))
            if session is None:
                return None
            idle = now - session.seen
            known = self._users.get(session.user.name)
            if (
                idle > self._idle_s()
                or now - session.began > _LONGEST_S
                or known is None
                or known.version != session.user.version
            ):
                del self._sessions[_key(token)]
                return None
            if is_person:
                session.seen = now
            return session

    def end(self, token: str | None) -> Session | None:
        """Log out; the session that there was."""
        with self._lock:
            return self._sessions.pop(_key(token), None) if token else None


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
