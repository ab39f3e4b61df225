"""Moments as a person types them: a date, a date with a time, or an age."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from qc_edge.errors import UsageError

_AGE = re.compile(r"(\d{1,5})([hd])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_moment(text: str) -> datetime:
    """A date or a date with a time as aware UTC; UTC unless it says otherwise.

    Raises UsageError if it is none.
    """
    # Python 3.10 does not read the Z.
    written = text.removesuffix("Z") + ("+00:00" if text.endswith("Z") else "")
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time",
            hint="a date or a date with a time, in UTC: 2026-11-24 or 2026-11-24T06:00",
        ) from None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def parse_since(text: str, now: datetime) -> datetime:
    """What an option --since means, as aware UTC: a moment, or an age before `now` (36h, 7d).

    Raises UsageError if it is neither, or a moment that is yet to come.
    """
    if age := _AGE.fullmatch(text):
        return now - int(age[1]) * _UNITS[age[2]]
    try:
        moment = parse_moment(text)
    except UsageError:
        raise UsageError(
            f"--since {text!r} is no time", hint="2026-11-22, 2026-11-22T14:00 (UTC), 36h or 7d"
        ) from None
    if moment > now:
        raise UsageError(f"--since {text} is in the future", hint="times are UTC")
    return moment
