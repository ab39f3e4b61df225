"""An NVIDIA GPU through pycuda, in this one file: context, stream, page-locked memory, copies.

Every fault of the driver becomes an EngineLostError. Most are sticky, see CUDA's "Error Checking":
every later call of the context returns them, and nothing that it computes may be trusted.
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
_NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING. A stream without it waits for the legacy stream and the other way round:
what another thread puts there, as a library may, would end a capture in any mode.
"""
_THREAD_LOCAL = 1
"""CU_STREAM_CAPTURE_MODE_THREAD_LOCAL. In the global mode a call of another thread that allocates
memory meanwhile (the shadow's engine may be loading) would fail, and spoil the capture.
"""


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
    """A device with a stream in its primary context; fulfils `engine.gpu.Gpu`.

    The primary context, because TensorRT works through the CUDA runtime, which uses that one.
    """

    def __init__(self, device: Any) -> None:
        self._context: Any = device.retain_primary_context()
        # A context is current on one thread; this one keeps it until `close`.
        self._context.push()
        self._owned: list[Any] = []  # all memory and graphs, to be freed while the context lives
        try:
            self._stream: Any = cuda.Stream(_NON_BLOCKING)
            self._facts = GpuFacts(
                name=device.name(),
                capability=device.compute_capability(),
                driver=_driver_version(),
                integrated=bool(device.get_attribute(cuda.device_attribute.INTEGRATED)),
            )
        except BaseException:
            # A context that is freed while it is current makes pycuda abort the process.
            self.close()
            raise

    @property
    def facts(self) -> GpuFacts:
        """The device and its driver."""
        return self._facts

    @property
    def stream(self) -> int:
        """The handle of the stream, a CUstream."""
        return int(self._stream.handle)

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> PinnedBuffer:
        """Page-locked memory (zeros) and its counterpart on the device, for the engine's life."""
        with _driver("no memory on the GPU"):
            if self._facts.integrated:
                # A Jetson's GPU shares the host's memory: mapped, there is nothing to copy.
                host = cuda.pagelocked_zeros(
                    shape, dtype, mem_flags=cuda.host_alloc_flags.DEVICEMAP
                )
                self._owned.append(host.base)
                return PinnedBuffer(host, int(host.base.get_device_pointer()), mapped=True)
            host = cuda.pagelocked_zeros(shape, dtype)
            self._owned.append(host.base)
            memory = cuda.mem_alloc(host.nbytes)
            self._owned.append(memory)
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
        """A CUDA graph of what `work` puts on the stream; calling the answer launches it.

        pycuda knows no graphs, so the driver's library is called by ctypes.
        """
        library, stream = ctypes.CDLL(_LIBRARY), ctypes.c_void_p(self.stream)
        graph, instance = ctypes.c_void_p(), ctypes.c_void_p()
        _call(
            library.cuStreamBeginCapture_v2(stream, ctypes.c_int(_THREAD_LOCAL)), "begin to capture"
        )
        try:
            try:
                work()
            finally:
                # Also after a fault: a stream that still captures takes no other work.
                ended = library.cuStreamEndCapture(stream, ctypes.byref(graph))
            _call(ended, "capture")
            _call(
                library.cuGraphInstantiateWithFlags(
                    ctypes.byref(instance), graph, ctypes.c_ulonglong(0)
                ),
                "instantiate",
            )
        finally:
            # The template only; what is launched is the instance.
            if graph.value is not None:
                library.cuGraphDestroy(graph)
        self._owned.append(_GraphInstance(library, instance))

        def launch() -> None:
            _call(library.cuGraphLaunch(instance, stream), "launch")

        return launch

    def synchronize(self) -> None:
        """Wait until the stream is empty. pycuda releases the GIL: other threads run meanwhile."""
        with _driver("the GPU failed"):
            self._stream.synchronize()

    def settle(self) -> None:
        """Wait until all streams of the context are empty."""
        with _driver("the GPU failed"):
            cuda.Context.synchronize()

    def close(self) -> None:
        """Free memory, stream and context, in this order; a device that is lost cannot refuse that.

        Buffers are freed even where something still refers to them, as the traceback of a fault
        does: pycuda would free them with their last reference, but not once their context is gone.
        """
        context, self._context = self._context, None
        if context is None:
            return
        for resource in self._owned:
            with contextlib.suppress(cuda.Error):
                resource.free()
        self._owned.clear()
        with contextlib.suppress(cuda.Error):
            self._stream = None
        with contextlib.suppress(cuda.Error):
            cuda.Context.pop()
            context.detach()
            # pycuda makes the context current to release it and expects the driver to undo that,
            # which the driver does not for a primary context.
            ctypes.CDLL(_LIBRARY).cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


class _GraphInstance:
    """An instantiated CUDA graph, freed like memory."""

    def __init__(self, library: ctypes.CDLL, instance: ctypes.c_void_p) -> None:
        self._library, self._instance = library, instance

    def free(self) -> None:
        """Call it once, when nobody launches the graph any more."""
        self._library.cuGraphExecDestroy(self._instance)


@contextlib.contextmanager
def _driver(what: str) -> Iterator[None]:
    """Turns pycuda's errors into EngineLostError; `what` says what failed."""
    try:
        yield
    except cuda.MemoryError as fault:
        raise EngineLostError(
            f"{what}: the GPU's memory is used up ({fault})",
            OUT_OF_MEMORY,
        ) from fault
    except cuda.Error as fault:
        raise EngineLostError(
            f"{what}: {fault}",
            "the station starts again with a fresh context; dmesg (Xid) says what it was",
        ) from fault


def _call(code: int, what: str) -> None:
    if code:
        raise EngineLostError(
            f"the driver cannot {what} a CUDA graph: CUresult {code}",
            "set engine.cuda_graph = false",
        )


def _driver_version() -> str:
    """`580.159.04` as the kernel's module has it, else the CUDA version that the driver supports.

    A Jetson's driver is part of its kernel and has no such file.
    """
    try:
        return _MODULE.read_text(encoding="ascii").strip()
    except OSError:
        version = int(cuda.get_driver_version())
        return f"CUDA {version // 1000}.{version % 1000 // 10}"
