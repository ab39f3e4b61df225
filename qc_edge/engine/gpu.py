"""What an engine asks of a graphics processor: facts, memory in pairs, copies, one stream. No
driver here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """Which device and driver; plans belong to exactly these. `integrated`: it shares the host's
    memory.
    """

    name: str
    capability: tuple[int, int]
    driver: str
    integrated: bool

    @property
    def sm(self) -> str:
        """The compute capability as compilers name it: `SM89`."""
        return "SM{}{}".format(*self.capability)

    def __str__(self) -> str:
        major, minor = self.capability
        return f"{self.name}, compute capability {major}.{minor}, driver {self.driver}"


@dataclass(frozen=True, slots=True)
class PinnedBuffer:
    """Page-locked host memory and its place on the device; `mapped`: both are the same memory."""

    host: npt.NDArray[Any]
    device: int
    mapped: bool


class Gpu(Protocol):
    """One device with its context and one stream. Made, used and closed by one thread.

    Every method raises EngineLostError when the driver reports a fault: after that, nothing that
    this process computes on the device can be trusted.
    """

    @property
    def facts(self) -> GpuFacts:
        """Which device."""

    @property
    def stream(self) -> int:
        """The stream's handle, as the driver knows it."""

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> PinnedBuffer:
        """Memory for the life of the engine; nothing else is ever allocated."""

    def upload(self, buffer: PinnedBuffer, rows: int) -> None:
        """Begin to copy the first `rows` rows to the device; nothing to do where both are the
        same.
        """

    def download(self, buffer: PinnedBuffer, rows: int) -> None:
        """Begin to copy the first `rows` rows from the device; nothing to do where both are the
        same.
        """

    def capture_graph(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record what `work` puts on the stream, without doing it; the answer plays it back."""

    def synchronize(self) -> None:
        """Until all that was begun on the stream is done."""

    def close(self) -> None:
        """Free everything. Never raises; may be called twice."""
