"""The line of each setting in its TOML text, so that messages can name it; never reads values.

The TOML parser of the standard library gives no positions.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*["']?([A-Za-z0-9_-]+)["']?\s*=""")

Place = tuple[int | str, ...]
"""Section, position for a repeated section, key: ("camera", 0, "exposure_us")."""


def lines_by_place(text: str) -> dict[Place, int]:
    """The line (from 1) of each section header and each `key =` of the TOML `text`."""
    lines: dict[Place, int] = {}
    repeated: dict[Place, int] = {}
    section: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names: Place = tuple(name.strip("\"' ") for name in header[2].split("."))
            if header[1]:
                repeated[names] = repeated.get(names, -1) + 1
                lines.setdefault(names, number)
                section = (*names, repeated[names])
            else:
                section = names
            lines.setdefault(section, number)
        elif key := _KEY.match(line):
            lines.setdefault((*section, key[1]), number)
    return lines
