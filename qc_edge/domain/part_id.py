"""A part's id as it comes from outside: trimmed, normalised, and refused where it cannot be one.

Readers send CR and LF behind a code, keyboards wedge blanks in, and two encodings of one letter
must not make two parts. What is refused is never replaced by a guess.
"""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 200

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories that a person does not see, or that make a terminal do something."""


class PartIdError(ValueError):
    """This text is no part id; the message says why, the text shown with its escapes."""


def normalise_part_id(text: str) -> str | None:
    """The id in `text`: without the white space around it, in Unicode's composed form (NFC).

    None if nothing is left. Raises PartIdError for control characters, invisible ones or bytes that
    are no text (U+FFFD stands for them) inside it, and for more than `MOST_CHARACTERS`.
    """
    part_id = unicodedata.normalize("NFC", text.strip())
    if not part_id:
        return None
    if len(part_id) > MOST_CHARACTERS:
        raise PartIdError(f"it has {len(part_id)} characters, at most {MOST_CHARACTERS} are taken")
    for place, character in enumerate(part_id, 1):
        if character == "\ufffd" or unicodedata.category(character) in _INVISIBLE:
            raise PartIdError(
                f"character {place} of {part_id!a} is U+{ord(character):04X}, "
                "expected letters, digits, signs and blanks"
            )
    return part_id
