"""What an engine needs of a GPU, as a protocol: facts, buffers, copies, one stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """The device and its driver, to which compiled plans belong. `integrated`: the device shares
    the host's memory.
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
    """Page-locked host memory and its address on the device; `mapped`: both are the same memory.

    Page-locked, since only such memory is copied beside the host.
    """

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
        """The device and its driver."""

    @property
    def stream(self) -> int:
        """The handle of the stream, as the driver knows it."""

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> PinnedBuffer:
        """A buffer for the life of the engine; it is freed by `close`."""

    def upload(self, buffer: PinnedBuffer, rows: int) -> None:
        """Begin to copy the first `rows` rows to the device; nothing where it is mapped."""

    def download(self, buffer: PinnedBuffer, rows: int) -> None:
        """Begin to copy the first `rows` rows from the device; nothing where it is mapped."""

    def capture_graph(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture what `work` puts on the stream, without doing it; the answer launches it."""

    def synchronize(self) -> None:
        """Wait until all that was begun on the stream is done."""

    def settle(self) -> None:
        """Wait until all that this process began on the device is done, on whatever stream."""

    def close(self) -> None:
        """Free everything. Never raises; may be called twice."""
