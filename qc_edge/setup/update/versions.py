"""Which of two versions is newer, as Debian orders them (deb-version(7))."""

from __future__ import annotations

import re
from functools import cmp_to_key

_PIECES = re.compile(r"(\D*)(\d*)")


def is_newer(version: str, than: str) -> bool:
    """True if `version` comes after `than`."""
    return _compare(version, than) > 0


def _compare(one: str, other: str) -> int:
    (epoch, one), (epoch_of_other, other) = _epoch(one), _epoch(other)
    if epoch != epoch_of_other:
        return epoch - epoch_of_other
    # The revision is what stands behind the last dash.
    for a, b in zip(_split(one), _split(other), strict=True):
        if result := _compare_pieces(a, b):
            return result
    return 0


def _epoch(version: str) -> tuple[int, str]:
    epoch, colon, rest = version.partition(":")
    return (int(epoch), rest) if colon and epoch.isdecimal() else (0, version)


def _split(version: str) -> tuple[str, str]:
    upstream, _, revision = version.rpartition("-")
    return (upstream, revision) if upstream else (version, "")


def _compare_pieces(one: str, other: str) -> int:
    pieces = _PIECES.findall(one), _PIECES.findall(other)
    for number in range(max(map(len, pieces))):
        (words, digits), (other_words, other_digits) = (
            each[number] if number < len(each) else ("", "") for each in pieces
        )
        if words != other_words:
            keys = [*map(_order, words), 0], [*map(_order, other_words), 0]
            return -1 if keys[0] < keys[1] else 1
        if int(digits or 0) != int(other_digits or 0):
            return -1 if int(digits or 0) < int(other_digits or 0) else 1
    return 0


def _order(sign: str) -> int:
    """`~` comes before the end, letters before all else."""
    if sign == "~":
        return -1
    return ord(sign) if sign.isalpha() else ord(sign) + 256


by_version = cmp_to_key(_compare)
"""A key for `sorted` and `max`."""
