"""The views and macros that QA asks: read from views.sql, for one directory of published files."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path


@cache
def source() -> str:
    """views.sql as it is."""
    return resources.files("qc_edge.store").joinpath("views.sql").read_text(encoding="utf-8")


def script(published: Path) -> str:
    """The statements that make the views over the files in `published`, an absolute path."""
    return source().replace("@published@", _glob_safe(str(published)).replace("'", "''"))


def _glob_safe(path: str) -> str:
    """`path` with the signs that a glob would take for patterns taken literally."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)
