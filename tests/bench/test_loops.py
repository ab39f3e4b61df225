"""The loops that the station is held against do the same work."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.bench.loops import PlainLoop, TunedLoop
from tests.bench.measures import MODEL, frames_of

SMALL = (640, 512)


@pytest.mark.parametrize("batch", [1, 2])
def test_the_tuned_loop_scores_as_the_plain_one_and_refuses_the_same(
    tmp_path: Path, batch: int
) -> None:
    blurred = np.full((SMALL[1], SMALL[0]), 90, np.uint8)
    frames = [*frames_of(SMALL, 2), blurred]
    files = [tmp_path / f"{number}.pgm" for number in range(len(frames))]
    for path, pixels in zip(files, frames, strict=True):
        cv2.imwrite(str(path), pixels)
    plain = PlainLoop(MODEL)
    expected = [plain.one(pixels) for pixels in frames]
    found = TunedLoop(MODEL, SMALL, batch).scores(files)
    assert found[2] is expected[2] is None
    assert found[:2] == pytest.approx(expected[:2], abs=1e-6)
