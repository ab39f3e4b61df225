"""Random faults of the wire, the controller, the station and the camera: no part goes as good
without its own committed row, and none is lost. `tests/bench/line_faults.py` plays ten thousand.
"""

from __future__ import annotations

import pytest

from tests.output.plant import Plant


@pytest.mark.parametrize("pieces", [False, True], ids=["whole reads", "torn reads"])
@pytest.mark.parametrize("is_exact", [False, True], ids=["no clock", "exact times"])
def test_no_part_goes_as_good_without_its_row_and_none_is_lost(
    *, pieces: bool, is_exact: bool
) -> None:
    plant = Plant(7, pieces=pieces, is_exact=is_exact)
    plant.run(100)
    bins = [each.bin for each in plant.pieces]
    assert bins.count("accepted") > 5, "the line works in between"
    assert bins.count("held back") > 20
    assert len(plant.faults) >= 8, "of most kinds"
