"""Who answers for a change and why, as a command takes it."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import UsageError

_FIRST_PERSON = 1000
"""Users below are programs (login.defs, UID_MIN)."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who answers for a change, and why: one line of text each."""

    by: str
    reason: str

    @classmethod
    def parse(cls, by: str | None, reason: str | None) -> Attribution:
        """From the options of a command; without `by`, the person at the terminal, where that is
        known. Raises UsageError that says what is missing.
        """
        who = person_at_the_terminal() if by is None else by
        texts = {"--by": (who or "").strip(), "--reason": (reason or "").strip()}
        for option, text in texts.items():
            if not text or not text.isprintable():
                raise UsageError(
                    f"{option} is {'missing' if not text else 'no single line of text'}",
                    hint="a change is on record with who and why: --by WHO --reason TEXT",
                )
        return cls(texts["--by"], texts["--reason"])


def person_at_the_terminal() -> str | None:
    """The name of the person's own user; None where that is root's, or a program's: then nobody
    knows who it is.
    """
    if os.getuid() != 0 and os.geteuid() != 0:
        return _name(os.getuid())
    # Only root is what sudo has made: anybody else may set the variable.
    name = os.environ.get("SUDO_USER", "")
    if name not in {"", "root"} and name.isprintable():
        return name
    return _name(_login_uid())


def _login_uid() -> int | None:
    """Who logged in to this session, whoever they have become since by `su`; pam_loginuid(8)."""
    try:
        return int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _name(uid: int | None) -> str | None:
    if uid is None or uid < _FIRST_PERSON:
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None
    return None if name == "nobody" else name
