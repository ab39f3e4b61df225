"""What the camera tests share: pictures on disk, and pylon as a must in CI and an option
elsewhere.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_edge.camera import Camera, Exposure, FailedGrab, Pixels, connect
from qc_edge.settings import CameraSettings

Open = Callable[..., Camera]


@pytest.fixture
def pylon() -> None:
    """pypylon is there, or the test is skipped; in CI (CI=true) its absence is a failure."""
    if importlib.util.find_spec("pypylon") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("pypylon is not installed, and CI must test the pylon path")
        pytest.skip("pypylon is not installed: pip install 'qc-edge[basler]'")


@pytest.fixture
def pictures() -> list[Pixels]:
    """Four different 96 x 128 gray pictures."""
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (96, 128), dtype=np.uint8) for _ in range(4)]


@pytest.fixture
def folder(tmp_path: Path, pictures: list[Pixels]) -> Path:
    """The pictures as PNG files, with a table and a hidden file beside them."""
    return write_all(tmp_path / "played", pictures)


@pytest.fixture
def camera_of(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Make cameras from settings; all are closed at the end."""
    made: list[Camera] = []

    def make(**settings: object) -> Camera:
        if settings.get("backend") in ("emulated", "basler"):
            request.getfixturevalue("pylon")
        camera = connect(CameraSettings.model_validate({"name": "top", **settings}))
        made.append(camera)
        return camera

    yield make
    for camera in made:
        camera.close()


def device(camera: Camera) -> Any:
    """pylon's own object behind an open camera, to make faults with."""
    return camera._camera  # type: ignore[attr-defined]


def write_all(directory: Path, pictures: list[Pixels], suffix: str = ".png") -> Path:
    """Write `pictures` as p0, p1 ... with `suffix`, and files that no camera plays."""
    directory.mkdir()
    for number, picture in enumerate(pictures):
        coded = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(directory / f"p{number}{suffix}"), coded)
    (directory / "truth.csv").write_text("file,label\n")
    (directory / ".hidden.png").write_bytes(b"")
    (directory / "sub").mkdir()
    return directory


def next_one(camera: Camera, within_s: float = 10.0) -> Exposure | FailedGrab:
    """The next frame or failed grab; fails the test if none comes."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        got = camera.grab(0.5)
        if got is not None:
            return got
    pytest.fail(f"no frame within {within_s} s")


def next_frame(camera: Camera) -> Exposure:
    """The next frame, which must be whole."""
    got = next_one(camera)
    assert isinstance(got, Exposure), got
    return got
