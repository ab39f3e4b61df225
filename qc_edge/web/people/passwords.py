"""Passwords, PINs and one-time codes: how they are hashed, checked and made.

argon2id with 12 MiB and three passes, RFC 9106 and OWASP's "m=12288, t=3, p=1": some 30 ms of one
core, on a Jetson some 100. One is checked at a time, so that log-ins cannot stall the box.
"""

from __future__ import annotations

import secrets
import threading
from itertools import pairwise

import argon2

from qc_edge.errors import BusyError, UsageError

MEMORY_KIB = 12 * 1024
_PASSES = 3
_WAITING_MAX = 4
_PATIENCE_S = 5.0

_PIN_MIN, _PASSWORD_MIN, _LONGEST = 6, 8, 128

CODE_S = 24 * 3600.0
"""For this long a one-time code is good."""

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without those that look alike."""


class Passwords:
    """Hashes and checks, one at a time; from any thread."""

    def __init__(self) -> None:
        self._argon2 = argon2.PasswordHasher(_PASSES, MEMORY_KIB, 1)
        self._one = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING_MAX)
        # Checked for a name that is not known: the answer must take as long.
        self._nobody = self._argon2.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        """What is kept of a password. Raises BusyError as `fits`."""
        with _Turn(self._waiting, self._one):
            return self._argon2.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """True if the password is the one of which `kept` is kept; None fits nothing.

        Raises BusyError if others are being checked: whoever asks may try again.
        """
        with _Turn(self._waiting, self._one):
            try:
                self._argon2.verify(kept or self._nobody, password[: _LONGEST + 1])
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
            return kept is not None


class _Turn:
    """One at a time, a few who wait, the others are sent away."""

    def __init__(self, waiting: threading.BoundedSemaphore, one: threading.Lock) -> None:
        self._waiting, self._one = waiting, one

    def __enter__(self) -> None:
        if not self._waiting.acquire(blocking=False):
            raise BusyError("others are logging in just now", hint="try again in a moment")
        if not self._one.acquire(timeout=_PATIENCE_S):
            self._waiting.release()
            raise BusyError("others are logging in just now", hint="try again in a moment")

    def __exit__(self, *_: object) -> None:
        self._one.release()
        self._waiting.release()


def check_choice(password: str) -> None:
    """Raise UsageError, whose message is a key of the catalog, for a password that is too easy."""
    if len(password) > _LONGEST:
        raise UsageError("password.long")
    if password.isdecimal():
        steps = {(int(b) - int(a)) % 10 for a, b in pairwise(password)}
        # 000000, 123456, 987654
        if len(password) < _PIN_MIN or (len(steps) == 1 and steps <= {0, 1, 9}):
            raise UsageError("password.pin")
    elif len(password) < _PASSWORD_MIN:
        raise UsageError("password.short")


def new_code() -> str:
    """A one-time code of 12 letters and digits (59 bits) in groups of four, to be read aloud."""
    letters = [secrets.choice(_ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))


def normal_code(typed: str) -> str:
    """The code as it was made, however somebody has typed it."""
    letters = "".join(letter for letter in typed.upper() if letter.isalnum())
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))
