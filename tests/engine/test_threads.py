"""How many threads an engine takes."""

from __future__ import annotations

import pytest

from qc_edge.engine.onnx import thread_count


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 3), (8, 4), (64, 4)])
def test_one_core_is_left_to_the_rest_of_the_station(cores: int, threads: int) -> None:
    assert thread_count(0, cores) == threads


def test_the_settings_have_the_last_word() -> None:
    assert thread_count(12, 4) == 12
