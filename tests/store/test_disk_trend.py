"""When the disk will be full, at the rate of the last day."""

from __future__ import annotations

import pytest

from qc_edge.store.disk_trend import DiskTrend

HOUR = 3600.0


def seen(*free_by_hour: float) -> DiskTrend:
    """A trend that saw so much room (MB), hour by hour."""
    trend = DiskTrend()
    for hour, free in enumerate(free_by_hour):
        trend.see(hour * HOUR, free)
    return trend


def test_it_says_when_at_the_rate_of_the_last_day() -> None:
    trend = seen(*(100_000 - 100 * hour for hour in range(100)))
    assert trend.days_left(stop_mb=1_000) == pytest.approx((90_100 - 1_000) / 2_400)
    assert trend.words(1_000) == "full in 37 days at this rate"
    assert seen(10_000, 9_000).words(1_000) == "full in 8 hours at this rate"


def test_it_says_nothing_of_a_start_nor_where_the_room_does_not_become_less() -> None:
    for trend in (DiskTrend(), seen(9_000), seen(9_000, 9_000), seen(9_000, 9_500)):
        assert trend.days_left(1_000) is None
        assert trend.words(1_000) == ""
    young = DiskTrend()
    young.see(0, 9_000)
    young.see(700, 100)
    assert young.days_left(0) is None
    assert seen(1e9, 1e9 - 1).words(0) == "", "years away"
