"""A camera's counter as one number that only rises."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.camera.frame_counter import (
    FRAME_COUNTER_CHUNK,
    GIGE_BLOCK_ID,
    PLAIN,
    UNSUPPORTED,
    CounterRange,
    next_number,
)


def numbers(raws: list[int | None], counting: CounterRange) -> list[int | None]:
    said: list[int | None] = []
    for raw in raws:
        said.append(next_number(said[-1] if said else None, raw, counting))
    return said


def test_a_gige_block_id_goes_on_across_its_wrap() -> None:
    assert numbers([65534, 65535, 1, 2], GIGE_BLOCK_ID) == [65534, 65535, 65536, 65537]


def test_frames_lost_at_the_wrap_are_a_gap() -> None:
    assert numbers([65534, 3], GIGE_BLOCK_ID) == [65534, 65538]


def test_the_frame_counter_chunk_wraps_to_zero() -> None:
    assert numbers([2**32 - 1, 0, 1], FRAME_COUNTER_CHUNK) == [2**32 - 1, 2**32, 2**32 + 1]


def test_an_extended_gige_id_does_not_wrap() -> None:
    assert numbers([65534, 65535, 65536, 65540], GIGE_BLOCK_ID) == [65534, 65535, 65536, 65540]


@pytest.mark.parametrize("raw", [None, 0, UNSUPPORTED])
def test_a_frame_without_a_number_takes_the_next_one_and_makes_no_gap(raw: int | None) -> None:
    assert numbers([7, raw, 9], GIGE_BLOCK_ID) == [7, 8, 9]


def test_a_device_without_numbers_has_none() -> None:
    assert numbers([UNSUPPORTED, UNSUPPORTED], PLAIN) == [None, None]


def test_a_counter_that_went_back_goes_on_by_one() -> None:
    assert numbers([100, 0, 1], PLAIN) == [100, 101, 102]
    assert numbers([40_000, 39_000], GIGE_BLOCK_ID) == [40_000, 40_001]


@given(
    st.sampled_from([PLAIN, GIGE_BLOCK_ID, FRAME_COUNTER_CHUNK]),
    st.integers(1, 65535),
    st.lists(st.integers(1, 30_000), max_size=50),
)
def test_every_loss_is_counted_exactly_whatever_the_counter(
    counting: CounterRange, first: int, steps: list[int]
) -> None:
    true = [first]
    for step in steps:
        true.append(true[-1] + step)
    cycle = None if counting.high is None else counting.high - counting.low + 1
    raws = [(n - counting.low) % cycle + counting.low if cycle else n for n in true]
    said = numbers(list(raws), counting)
    assert [b - a for a, b in pairwise(n for n in said if n is not None)] == steps
