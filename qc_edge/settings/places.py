"""The line of each setting in its TOML text, so that messages can name it; never reads values.

The TOML parser of the standard library gives no positions.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_WORD = r"""["']?[A-Za-z0-9_-]+["']?"""
_KEY = re.compile(rf"^\s*({_WORD}(?:\s*\.\s*{_WORD})*)\s*=")

Place = tuple[int | str, ...]
"""Section, position for a repeated section, key: ("camera", 0, "exposure_us")."""


def lines_by_place(text: str) -> dict[Place, int]:
    """The line (from 1) of each section header and each `key =` of the TOML `text`."""
    lines: dict[Place, int] = {}
    repeated: dict[Place, int] = {}
    section: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names = _in_their_elements(_words(header[2]), repeated)
            if header[1]:
                repeated[names] = repeated.get(names, -1) + 1
                lines.setdefault(names, number)
                section = (*names, repeated[names])
            else:
                section = names
            lines.setdefault(section, number)
        elif key := _KEY.match(line):
            place = section
            for word in _words(key[1]):
                place = (*place, word)
                lines.setdefault(place, number)
    return lines


def _words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip("\"' ") for word in dotted.split("."))


def _in_their_elements(names: tuple[str, ...], repeated: dict[Place, int]) -> Place:
    """`[view.gates]` behind a `[[view]]` belongs to that one."""
    place: Place = ()
    for number, name in enumerate(names):
        place = (*place, name)
        if number < len(names) - 1 and place in repeated:
            place = (*place, repeated[place])
    return place
