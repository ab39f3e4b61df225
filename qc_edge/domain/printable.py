"""Text from outside, such as part ids and file names, as it may stand before a person."""

from __future__ import annotations

import re

# C0 and C1 controls, what turns the direction of text, invisible signs, halves of surrogate pairs.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """`text` in one line, with escapes for what a terminal obeys or a person does not see."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def csv_cell(value: object) -> object:
    """`value` for a cell of a CSV file: text that a spreadsheet takes for a formula gets a `'`.

    See OWASP, CSV injection. Numbers stay as they are.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
