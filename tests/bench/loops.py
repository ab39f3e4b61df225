"""What the station is held against: the loop that most people would have written, and the one that
somebody would have who tunes it.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
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


class TunedLoop:
    """The same work as fast as this machine does it: a thread on each core with a session of its
    own, which reads while the others compute, into memory that is there already; the Laplacian in
    16 bits, its sums by OpenCV. Nothing is kept, nothing survives.
    """

    def __init__(self, model: Path, size: tuple[int, int], batch: int = 1) -> None:
        """`size` of all frames, width first; `batch` frames go into the model at once."""
        self._model, self._size, self._batch = model, size, batch
        self._own = threading.local()

    def scores(self, files: list[Path]) -> list[float | None]:
        """Of each uncompressed file (PGM of that size), None if it is out of focus."""
        portions = [files[at : at + self._batch] for at in range(0, len(files), self._batch)]
        with ThreadPoolExecutor(_cores()) as threads:
            return [score for found in threads.map(self._portion, portions) for score in found]

    def rate(self, files: list[Path], seconds: float) -> float:
        """Frames a second over `files`, again and again for at least `seconds`."""
        self.scores(files[: 2 * _cores()])
        begun = time.perf_counter()
        end = begun + seconds
        done = [0] * _cores()

        def work(number: int) -> None:
            mine = islice(cycle(files), number, None, _cores())
            while time.perf_counter() < end:
                self._portion(list(islice(mine, self._batch)))
                done[number] += self._batch

        with ThreadPoolExecutor(_cores()) as threads:
            list(threads.map(work, range(_cores())))
        return sum(done) / (time.perf_counter() - begun)

    def _portion(self, files: list[Path]) -> list[float | None]:
        own = self._memory()
        fit = [self._prepare(path, own, own.inputs[at]) for at, path in enumerate(files)]
        if not any(fit):
            return [None] * len(files)
        found = own.session.run(["score"], {own.input: own.inputs[: len(files)]})[0]
        return [float(score) if is_fit else None for score, is_fit in zip(found, fit, strict=True)]

    def _prepare(self, path: Path, own: Any, into: npt.NDArray[np.uint8]) -> bool:
        with path.open("rb", buffering=0) as file:
            file.seek(-own.gray.size, os.SEEK_END)
            file.readinto(own.gray.data)
        gray = own.gray
        cv2.Laplacian(gray, cv2.CV_16S, dst=own.laplacian)
        mean = cv2.sumElems(own.laplacian)[0] / gray.size
        if cv2.norm(own.laplacian, cv2.NORM_L2SQR) / gray.size - mean * mean < FOCUS_MIN:
            return False
        cv2.resize(gray, (512, 512), dst=own.small, interpolation=cv2.INTER_AREA)
        cv2.normalize(own.small, into, 0, 255, cv2.NORM_MINMAX)
        return True

    def _memory(self) -> Any:
        """Of this thread."""
        own = self._own
        if not hasattr(own, "session"):
            cv2.setNumThreads(1)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            own.session = onnxruntime.InferenceSession(
                str(self._model), options, providers=["CPUExecutionProvider"]
            )
            own.input = own.session.get_inputs()[0].name
            width, height = self._size
            own.gray = np.empty((height, width), np.uint8)
            own.laplacian = np.empty((height, width), np.int16)
            own.small = np.empty((512, 512), np.uint8)
            own.inputs = np.empty((self._batch, 512, 512), np.uint8)
        return own


def _cores() -> int:
    return len(os.sched_getaffinity(0))
