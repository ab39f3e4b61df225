"""Moments as a person types them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from qc_edge.domain.moment import parse_since
from qc_edge.errors import UsageError

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def test_since_takes_times_and_ages() -> None:
    assert parse_since("2026-01-02", NOW) == datetime(2026, 1, 2, tzinfo=timezone.utc)
    at_four = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
    assert parse_since("2026-01-02T03:04Z", NOW) == at_four
    assert parse_since("2026-01-02T04:04+01:00", NOW) == at_four
    assert parse_since("7d", NOW) == NOW - timedelta(days=7)
    assert parse_since("36h", NOW) == NOW - timedelta(hours=36)


@pytest.mark.parametrize("text", ["yesterday", "7 days", "9999-01-01", "2026-11-22T12:01"])
def test_a_since_that_is_no_past_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_since(text, NOW)
