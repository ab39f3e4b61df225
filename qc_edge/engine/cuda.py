"""The graphics processor through pycuda, in this one file: context, stream, page-locked memory,
copies.

Every fault of the driver becomes an EngineLostError: most are sticky, and a context that had one
computes nothing that may be trusted.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pycuda.driver as cuda

from qc_edge.engine.compiler import OUT_OF_MEMORY
from qc_edge.engine.gpu import GpuFacts, PinnedBuffer
from qc_edge.errors import EngineLostError, EngineUnavailableError

_LIBRARY = "libcuda.so.1"
_MODULE = Path("/sys/module/nvidia/version")
_THREAD_LOCAL = 1
"""CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may go on using the driver meanwhile."""


def open_gpu(number: int) -> CudaGpu:
    """The device `number` with its primary context current on this thread.

    Raises EngineUnavailableError if there is no such device, EngineLostError if it does not start.
    """
    try:
        cuda.init()
        count = cuda.Device.count()
    except cuda.Error as fault:
        raise EngineUnavailableError(
            f"the NVIDIA driver does not start: {fault}",
            "nvidia-smi says more; after an update of the driver, reboot",
        ) from fault
    if number >= count:
        raise EngineUnavailableError(
            f"engine.device = {number}, but this machine has {count} NVIDIA GPUs",
            "nvidia-smi -L lists them, from 0",
        )
    with _driver("no context on the GPU"):
        return CudaGpu(cuda.Device(number))


class CudaGpu:
    """A device with its primary context, which TensorRT shares, and a stream. See
    `engine.gpu.Gpu`.
    """

    def __init__(self, device: Any) -> None:
        self._context: Any = device.retain_primary_context()
        self._context.push()
        self._stream: Any = cuda.Stream()
        self._kept: list[Any] = []
        self._facts = GpuFacts(
            name=device.name(),
            capability=device.compute_capability(),
            driver=_driver_version(),
            integrated=bool(device.get_attribute(cuda.device_attribute.INTEGRATED)),
        )

    @property
    def facts(self) -> GpuFacts:
        """Which device."""
        return self._facts

    @property
    def stream(self) -> int:
        """The stream's handle."""
        return int(self._stream.handle)

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> PinnedBuffer:
        """Page-locked memory with its device twin; where the device shares our memory, both are
        one.
        """
        with _driver("no memory on the GPU"):
            if self._facts.integrated:
                host = cuda.pagelocked_zeros(
                    shape, dtype, mem_flags=cuda.host_alloc_flags.DEVICEMAP
                )
                self._kept.append(host.base)
                return PinnedBuffer(host, int(host.base.get_device_pointer()), mapped=True)
            host = cuda.pagelocked_zeros(shape, dtype)
            self._kept.append(host.base)
            memory = cuda.mem_alloc(host.nbytes)
            self._kept.append(memory)
            return PinnedBuffer(host, int(memory), mapped=False)

    def upload(self, buffer: PinnedBuffer, rows: int) -> None:
        """Begin to copy the first `rows` rows to the device."""
        if not buffer.mapped:
            with _driver("a copy to the GPU failed"):
                cuda.memcpy_htod_async(buffer.device, buffer.host[:rows], self._stream)

    def download(self, buffer: PinnedBuffer, rows: int) -> None:
        """Begin to copy the first `rows` rows from the device."""
        if not buffer.mapped:
            with _driver("a copy from the GPU failed"):
                cuda.memcpy_dtoh_async(buffer.host[:rows], buffer.device, self._stream)

    def capture_graph(self, work: Callable[[], None]) -> Callable[[], None]:
        """A CUDA graph of what `work` puts on the stream; pycuda has none, so the driver is called
        itself.
        """
        library, stream = ctypes.CDLL(_LIBRARY), ctypes.c_void_p(self.stream)
        graph, playable = ctypes.c_void_p(), ctypes.c_void_p()
        _call(
            library.cuStreamBeginCapture_v2(stream, ctypes.c_int(_THREAD_LOCAL)), "begin to record"
        )
        try:
            try:
                work()
            finally:
                ended = library.cuStreamEndCapture(stream, ctypes.byref(graph))
            _call(ended, "record")
            _call(
                library.cuGraphInstantiateWithFlags(
                    ctypes.byref(playable), graph, ctypes.c_ulonglong(0)
                ),
                "keep a record",
            )
        finally:
            if graph.value is not None:
                library.cuGraphDestroy(graph)
        self._kept.append(_Recorded(library, playable))

        def play() -> None:
            _call(library.cuGraphLaunch(playable, stream), "play back")

        return play

    def synchronize(self) -> None:
        """Until the stream is empty; other Python threads run meanwhile."""
        with _driver("the GPU failed"):
            self._stream.synchronize()

    def close(self) -> None:
        """Free memory, stream and context, in this order; a device that is lost cannot refuse that.

        Nobody may use what `pair` gave any more: it is freed even where something still refers to
        it, as the fault does that an engine was given up for; without its context it never would
        be.
        """
        context, self._context = self._context, None
        if context is None:
            return
        for each in self._kept:
            with contextlib.suppress(cuda.Error):
                each.free()
        self._kept.clear()
        with contextlib.suppress(cuda.Error):
            self._stream = None
        with contextlib.suppress(cuda.Error):
            cuda.Context.pop()
            context.detach()
            # pycuda makes the context current to release it and expects the driver to undo that,
            # which it does not for a primary context
            ctypes.CDLL(_LIBRARY).cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


class _Recorded:
    """A recorded graph, to be freed with the memory that it works on."""

    def __init__(self, library: ctypes.CDLL, playable: ctypes.c_void_p) -> None:
        self._library, self._playable = library, playable

    def free(self) -> None:
        """Once. Nothing that plays it may be left."""
        self._library.cuGraphExecDestroy(self._playable)


@contextlib.contextmanager
def _driver(words: str) -> Iterator[None]:
    """Faults of the driver as ours."""
    try:
        yield
    except cuda.MemoryError as fault:
        raise EngineLostError(
            f"{words}: the GPU's memory is used up ({fault})",
            OUT_OF_MEMORY,
        ) from fault
    except cuda.Error as fault:
        raise EngineLostError(
            f"{words}: {fault}",
            "the station starts again with a fresh context; dmesg (Xid) says what it was",
        ) from fault


def _call(code: int, what: str) -> None:
    if code:
        raise EngineLostError(
            f"the driver cannot {what} a CUDA graph: CUresult {code}",
            "set engine.cuda_graph = false",
        )


def _driver_version() -> str:
    """`580.159.04` as the kernel's module says it, else the CUDA version that the driver is made
    for.
    """
    try:
        return _MODULE.read_text(encoding="ascii").strip()
    except OSError:
        known = int(cuda.get_driver_version())
        return f"CUDA {known // 1000}.{known % 1000 // 10}"
