"""The period of a pack, as a person names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.errors import UsageError

_HINT = "expected 2026, 2026-Q4, 2026-11, 2026-11-03, or two days: 2026-11-03..2026-11-17"
_EARLIEST = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class AuditPeriod:
    """From `begins` up to `ends` (aware UTC), whole days of the station's clock."""

    name: str
    begins: datetime
    ends: datetime


def parse_audit_period(text: str, calendar: StationCalendar, now: datetime) -> AuditPeriod:
    """Raises UsageError for what is no period, and for one that has not begun."""
    first, last = _days(text.strip())
    if not _EARLIEST <= first <= last < date.max:
        raise UsageError(f"{text!r} is no period", hint=_HINT)
    begins, ends = (
        datetime.combine(day, time(), calendar.zone).astimezone(timezone.utc)
        for day in (first, last + timedelta(days=1))
    )
    if begins >= now:
        raise UsageError(f"{text} has not begun yet", hint=_HINT)
    return AuditPeriod(f"{first}..{last}", begins, ends)


def _days(text: str) -> tuple[date, date]:
    try:
        if found := re.fullmatch(r"(\d{4})", text):
            year = int(found[1])
            return date(year, 1, 1), date(year, 12, 31)
        if found := re.fullmatch(r"(\d{4})-Q([1-4])", text, re.IGNORECASE):
            year, month = int(found[1]), 3 * int(found[2]) - 2
            return date(year, month, 1), _month_end(year, month + 2)
        if found := re.fullmatch(r"(\d{4})-(\d{2})", text):
            year, month = int(found[1]), int(found[2])
            return date(year, month, 1), _month_end(year, month)
        first, _, last = text.partition("..")
        return date.fromisoformat(first), date.fromisoformat(last or first)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{text!r} is no period", hint=_HINT)


def _month_end(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - timedelta(days=1)
