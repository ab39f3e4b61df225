"""Which inspections of the past an analysis is about, from what a person typed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qc_edge.domain.history import Selection
from qc_edge.domain.moment import parse_moment
from qc_edge.errors import UsageError

_REFERENCE = re.compile(r"[a-z][a-z0-9-]*@[A-Za-z0-9.+-]+")


def parse_selection(
    since: str | None, until: str | None, model: str | None = None, cameras: Sequence[str] = ()
) -> Selection:
    """The selection of the options --from, --to, --model and --camera; None leaves that end open.

    Raises UsageError for a time or a model that does not read, or an end before its beginning.
    """
    begin, end = (parse_moment(text) if text else None for text in (since, until))
    if begin and end and begin >= end:
        raise UsageError(
            f"--from {since} is not before --to {until}: no time is between them",
            hint="--from is the beginning, --to the end, which does not belong to it",
        )
    if model is not None and not _REFERENCE.fullmatch(model):
        raise UsageError(f"--model {model!r} is no NAME@VERSION", hint="such as reference@1")
    return Selection(begin, end, model, tuple(cameras))
