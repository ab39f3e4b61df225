"""A frame's exposure is told on the box's clock, however long it waited on its way."""

from __future__ import annotations

import numpy as np
import pytest

from qc_edge.capture.exposure_clock import ExposureClock
from qc_edge.domain.frame import ExposureSource

MS = 1_000_000
S = 1_000_000_000
START = 5_000 * S


def errors_ms(
    delays_ms: np.ndarray, *, drift: float = 0.0, rate: float = 10.0, tick_ns: float = 8.0
) -> np.ndarray:
    """By how much the clock's answer is off (ms, positive: too late) for frames so delayed."""
    clock = ExposureClock(tick_ns)
    errors = []
    for number, delay_ms in enumerate(delays_ms):
        exposed = START + round(number / rate * S)
        ticks = round((exposed - START) * (1 - drift) / tick_ns) + 77
        retrieved = exposed + round(delay_ms * MS)
        answer = clock.exposed(ticks, retrieved, lay_ready=delay_ms > 100)
        assert answer.source is ExposureSource.CAMERA_CLOCK
        errors.append((answer.monotonic_ns - exposed) / MS)
    return np.array(errors)


def scattered(frames: int, least: float = 4.0, seed: int = 0) -> np.ndarray:
    return least + np.random.default_rng(seed).exponential(1.5, frames)


@pytest.mark.parametrize("drift", [0.0, 60e-6, -60e-6, 100e-6, -100e-6])
def test_the_exposure_is_known_to_some_milliseconds_under_any_drift(drift: float) -> None:
    errors = errors_ms(scattered(20_000), drift=drift)
    assert np.abs(errors[50:]).max() < 12, "the shortest way, and what the scatter adds"


@pytest.mark.parametrize("drift", [0.0, 100e-6, -100e-6])
def test_a_stall_of_the_disk_does_not_make_a_frame_younger(drift: float) -> None:
    """After 200 s, frames pile up for 30 s behind a write that takes that long."""
    delays = scattered(4_000)
    for frame in range(300):
        delays[2_000 + frame] += (300 - frame) * 100
    errors = errors_ms(delays, drift=drift)
    assert errors[2_000:2_300].max() < 20


def test_a_queue_that_grows_for_minutes_is_not_taken_for_drift() -> None:
    delays = scattered(3_000)
    delays[1_000:] += np.arange(2_000) * 20  # a disk at five sixths of the speed, for 200 s
    errors = errors_ms(delays)
    assert errors[1_000:].max() < 60, "of 40,000 ms of delay"


def test_a_stall_of_an_hour_is_not_forgotten() -> None:
    delays = scattered(40_000)
    delays[2_000:38_000] += 5_000
    assert errors_ms(delays)[2_000:38_000].max() < 60


def test_a_frame_is_never_exposed_after_it_came() -> None:
    clock = ExposureClock(1.0)
    for number in range(100):
        retrieved = START + number * 100 * MS
        answer = clock.exposed(number * 99 * MS, retrieved, lay_ready=False)
        assert answer.monotonic_ns <= retrieved


def test_a_camera_whose_clock_begins_anew_is_mapped_anew() -> None:
    clock = ExposureClock(1.0)
    for number in range(50):
        clock.exposed(1_000 * S + number * 100 * MS, START + number * 100 * MS, lay_ready=False)
    retrieved = START + 60 * S
    assert clock.exposed(3 * S, retrieved, lay_ready=False).monotonic_ns == retrieved


def test_without_a_clock_a_frame_that_was_waited_for_is_as_old_as_its_exposure() -> None:
    clock = ExposureClock(None)
    answer = clock.exposed(None, START, lay_ready=False, exposure_us=5_000)
    assert answer.monotonic_ns == START - 5 * MS
    assert answer.source is ExposureSource.ARRIVAL


def test_without_a_clock_a_frame_that_lay_ready_may_be_as_old_as_the_last_that_was_waited_for() -> (
    None
):
    clock = ExposureClock(None)
    clock.exposed(None, START, lay_ready=False, frame_number=7)
    for number in range(8, 38):
        answer = clock.exposed(None, START + 3 * S, lay_ready=True, frame_number=number)
        assert answer.monotonic_ns == START
        assert answer.source is ExposureSource.EARLIEST
    fresh = clock.exposed(None, START + 4 * S, lay_ready=False, frame_number=38)
    assert fresh.monotonic_ns == START + 4 * S


def test_at_a_known_rate_the_frame_number_tells_how_much_later_it_was() -> None:
    clock = ExposureClock(None, period_ns=100 * MS)
    clock.exposed(None, START, lay_ready=False, frame_number=7)
    answer = clock.exposed(None, START + 3 * S, lay_ready=True, frame_number=17)
    assert answer.monotonic_ns == START + 1 * S
    late = clock.exposed(None, START + 3 * S, lay_ready=True, frame_number=99)
    assert late.monotonic_ns == START + 3 * S


def test_a_first_frame_that_lay_ready_has_nothing_earlier_to_go_by() -> None:
    answer = ExposureClock(None).exposed(None, START, lay_ready=True)
    assert answer.source is ExposureSource.ARRIVAL


def test_a_first_frame_that_lay_ready_may_be_as_old_as_the_start_of_the_camera() -> None:
    for tick_ns in (None, 8.0):
        clock = ExposureClock(tick_ns, started_ns=START)
        answer = clock.exposed(77, START + 3 * S, lay_ready=True)
        assert (answer.monotonic_ns, answer.source) == (START, ExposureSource.EARLIEST)


def test_a_frame_was_exposed_after_its_trigger() -> None:
    clock = ExposureClock(None)
    clock.exposed(None, START, lay_ready=False)
    answer = clock.exposed(None, START + 9 * S, lay_ready=True, triggered_ns=START + 8 * S)
    assert answer.monotonic_ns == START + 8 * S


def test_a_frame_was_exposed_after_there_was_a_buffer_for_it() -> None:
    """Where the disk is always slower than the camera, no frame is waited for any more."""
    clock = ExposureClock(None, started_ns=START, buffers=10)
    for number in range(100):
        retrieved = START + (number + 1) * S
        answer = clock.exposed(None, retrieved, lay_ready=True)
        assert retrieved - answer.monotonic_ns <= 10 * S
    assert retrieved - answer.monotonic_ns == 10 * S


@pytest.mark.parametrize("lay_ready", [True, False])
def test_a_camera_whose_clock_is_set_ahead_is_mapped_anew(lay_ready: bool) -> None:
    """PTP has found its master: the camera's clock jumps from its uptime to today."""
    clock = ExposureClock(1.0, started_ns=START - S)
    for number in range(50):
        clock.exposed(number * 100 * MS, START + number * 100 * MS, lay_ready=False)
    retrieved = START + 60 * S
    answer = clock.exposed(10**18, retrieved, lay_ready=lay_ready)
    if lay_ready:
        assert answer.source is ExposureSource.EARLIEST
        assert answer.monotonic_ns < retrieved
    else:
        assert answer.monotonic_ns == retrieved
    later = clock.exposed(10**18 + 5 * S, retrieved + 5 * S, lay_ready=False)
    assert (later.monotonic_ns, later.source) == (retrieved + 5 * S, ExposureSource.CAMERA_CLOCK)
