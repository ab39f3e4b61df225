"""What `qc-edge user` does with the people of a station; each change is told to the log."""

from __future__ import annotations

import time
from dataclasses import replace

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths
from qc_edge.web.people.log_notice import tell_log
from qc_edge.web.people.passwords import CODE_S, Passwords, new_code
from qc_edge.web.people.users import User, Users, check_name, parse_role


class Administration:
    """The people of one station, changed by `doer`, a user of the system."""

    def __init__(self, paths: StationPaths, doer: str) -> None:
        self._paths = paths
        self._doer = doer
        self._users = Users(paths.page_users)

    def everybody(self) -> list[tuple[User, str]]:
        """All of them, and in words whether they can log in. Raises StoreError."""
        users = self._users.all()
        return [(users[name], _state(users[name])) for name in sorted(users)]

    def act(self, action: str, who: str, role: str | None) -> str | None:
        """Add, code, reset, role or remove; a one-time code where that makes one.

        Raises UsageError, StoreError; then nothing has changed.
        """
        code = new_code() if action in {"add", "code", "reset"} else None

        def change(user: User | None) -> User | None:
            after = _changed(user, action, who, role, code)
            # First: nobody may log in by what the log will never know of.
            self._tell(f"page: {action} {who}", user, after)
            return after

        self._users.change(who, change)
        return code

    def _tell(self, detail: str, before: User | None, after: User | None) -> None:
        was, now = (user.role.value if user else None for user in (before, after))
        occurrence = Occurrence(EventKind.PAGE_USER, detail, was, now, self._doer)
        tell_log(self._paths, occurrence)


def _changed(
    user: User | None, action: str, who: str, role: str | None, code: str | None
) -> User | None:
    kept = Passwords().hash(code) if code else None
    until = time.time() + CODE_S if code else None
    if action == "add":
        if user is not None:
            raise UsageError(f"there is a {who} already", hint=f"reset {who}, or remove")
        # A start that never comes again: who is removed and added anew is somebody else to the
        # sessions that still stand.
        return User(
            check_name(who), parse_role(role or ""), None, kept, until, version=time.time_ns()
        )
    if user is None:
        raise UsageError(f"there is no {who!r}", hint="qc-edge user NAME lists everybody")
    if action == "remove":
        return None
    if action == "role":
        return replace(user, role=parse_role(role or ""), version=user.version + 1)
    if action == "code":
        return replace(user, code=kept, code_until=until)
    return replace(user, password=None, code=kept, code_until=until, version=user.version + 1)


def _state(user: User) -> str:
    waits = user.code is not None and (user.code_until or 0) > time.time()
    if user.password is not None:
        return "has a password, and a code that waits" if waits else "has a password"
    return "a code waits" if waits else "cannot log in: qc-edge user NAME code"
