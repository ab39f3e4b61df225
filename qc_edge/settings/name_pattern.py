"""The pattern that finds a part's id in a file's name, in time linear in the name's length.

Python's own `re` may take hours for a name that nearly fits, and holds the interpreter's lock all
the while: every thread of the station would stand still. RE2 has no such names.
"""

from __future__ import annotations

import re2

PART = "part"
"""The group that holds the part's id; without one of this name, the first group does."""


class NamePatternError(ValueError):
    """The pattern cannot be used; the message says why."""


class NamePattern:
    """A compiled pattern. Immutable; any thread."""

    def __init__(self, pattern: str) -> None:
        """Raises NamePatternError for what RE2 does not take, or a pattern without a group."""
        options = re2.Options()
        options.log_errors = False  # it would write to stderr by itself
        try:
            self._pattern = re2.compile(pattern, options)
        except re2.error as fault:
            said = fault.args[0] if fault.args else fault
            text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise NamePatternError(f"is no regular expression (RE2): {text}") from None
        if not self._pattern.groups:
            raise NamePatternError("has no group: put the part id in parentheses, (?P<part>...)")
        self._group: str | int = PART if PART in self._pattern.groupindex else 1

    def find(self, name: str) -> str | None:
        """What the group holds where the pattern fits in `name`; None if it fits nowhere.

        "" if the group took no part in the match: another group never stands in for it. Bytes of
        the name that are no UTF-8 (surrogates in `name`) count as U+FFFD.
        """
        text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        match = self._pattern.search(text)
        return None if match is None else (match.group(self._group) or "")
