"""What most people would have written: the plain loops that the station is held against."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

FOCUS_MIN = 80.0


class PlainLoop:
    """Read, gate, prepare, infer; nothing is kept, nothing is recorded, nothing survives."""

    def __init__(self, model: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def one(self, gray: npt.NDArray[np.uint8]) -> float | None:
        """The score of one frame in memory (H x W uint8); None if it is out of focus."""
        if cv2.Laplacian(gray, cv2.CV_64F).var() < FOCUS_MIN:
            return None
        small = cv2.resize(gray, (512, 512), interpolation=cv2.INTER_AREA)
        prepared: Any = cv2.normalize(small, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
        return float(self._session.run(None, {self._input: prepared[None]})[0][0])

    def rate(self, files: list[Path], seconds: float) -> float:
        """Frames a second over `files`, again and again for at least `seconds`."""
        for path in files[:3]:
            self.one(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))  # type: ignore[arg-type]
        frames, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            for path in files:
                self.one(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))  # type: ignore[arg-type]
            frames += len(files)
        return frames / (time.perf_counter() - begun)

    def compute_ms(
        self, frames: list[npt.NDArray[np.uint8]], rounds: int, rate_hz: float | None = None
    ) -> list[float]:
        """Milliseconds for each frame in memory: the bare compute, without any file.

        One after the other, or at a steady rate: then caches and clocks are as cold as a line
        leaves them.
        """
        taken = []
        due = time.perf_counter()
        for _ in range(rounds):
            for gray in frames:
                if rate_hz is not None:
                    due += 1 / rate_hz
                    time.sleep(max(0.0, due - time.perf_counter()))
                begun = time.perf_counter()
                self.one(gray)
                taken.append((time.perf_counter() - begun) * 1e3)
        return taken
