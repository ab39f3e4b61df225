"""The command's own output: every terminal can show it, and a full disk is said in words."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import TextIO

_ERRORS = "qc-edge-plain"
_PLAIN = {
    "→": "->",
    "←": "<-",
    "…": "...",
    "·": "-",
    "•": "*",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "°": " deg ",
    "µ": "u",
    "μ": "u",
    "\N{MULTIPLICATION SIGN}": "x",
    "±": "+-",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "²": "2",
    "\N{NO-BREAK SPACE}": " ",
}
"""What a terminal that is not UTF-8 shows in place of our signs."""


def prepare_streams() -> None:
    """Let stdout and stderr take every text: what they cannot show is written in plain letters.

    Names of files that are no UTF-8 come as bytes in hexadecimal, as `ls` writes them.
    """
    codecs.register_error(_ERRORS, _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # None where the stream is closed
            reconfigure(errors=_ERRORS)


def close_output() -> OSError | None:
    """Write out what is still in memory; what stood in the way, if not all of it could be written.

    The interpreter would do that as well, but only after `main` has said that all went well.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as fault:
        drop_output(sys.stdout)
        return fault
    return None


def drop_output(stream: TextIO) -> None:
    """Let what is still in memory for `stream` go nowhere: the interpreter would try it again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: the replacement, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_plain, text)), error.end


def _plain(sign: str) -> str:
    number = ord(sign)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8, see PEP 383
        return f"\\x{number - 0xDC00:02x}"
    if sign in _PLAIN:
        return _PLAIN[sign]
    return sign.encode("ascii", "backslashreplace").decode()
