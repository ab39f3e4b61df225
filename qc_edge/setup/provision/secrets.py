"""Finds what looks like a secret in a file that must not have any: it lies on sticks and in
repositories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = re.compile(r"(?i)pass(word|wd|phrase)|secret|token|credential|api_?key|private|^pin$")
_SHAPE = re.compile(r"PRIVATE KEY-----|^[a-z0-9+.-]+://[^/\s@]*:[^/\s@]+@|^qce_")


def find_secrets(values: Mapping[str, Any], below: str = "") -> Iterator[str]:
    """The dotted names of keys that are called like a secret, or whose value has the shape of
    one.
    """
    for key, value in values.items():
        name = f"{below}{key}"
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                yield from find_secrets(each, f"{name}.")
            elif isinstance(each, str) and (_NAME.search(key) or _SHAPE.search(each)):
                yield name
