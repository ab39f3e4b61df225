"""The bare loop that the engine is held against: page-locked buffers, a stream, copies and the
work, in a few lines of pycuda and TensorRT, with nothing of ours. Its context must be current.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pycuda.driver as cuda

Shapes = Mapping[str, tuple[tuple[int, ...], Any]]
"""Shape of one frame and dtype by the tensor's name, the input first."""


class Work(Protocol):
    """A plan that was loaded for one batch size."""

    def bind(self, name: str, address: int) -> None:
        """Where a tensor lies on the device."""

    def enqueue(self, batch: int, stream: Any) -> None:
        """The work on pycuda's stream."""


class BareLoop:
    """Frames in host memory to outputs in host memory, at one batch size."""

    def __init__(self, work: Work, shapes: Shapes, size: int, *, graph: bool) -> None:
        self._work, self._size = work, size
        self._stream = cuda.Stream(1)
        self._host: dict[str, npt.NDArray[Any]] = {}
        self._device: dict[str, Any] = {}
        for name, (shape, dtype) in shapes.items():
            self._host[name] = cuda.pagelocked_zeros((size, *shape), dtype)
            self._device[name] = cuda.mem_alloc(self._host[name].nbytes)
            work.bind(name, int(self._device[name]))
        self._input, *self._outputs = shapes
        self._pass: Callable[[], None] = self._put
        self._graph: ctypes.c_void_p | None = None
        self._put()
        self._stream.synchronize()
        if graph:
            self._capture()

    def once(self, frames: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """The outputs by name; the next call writes over them."""
        self._host[self._input][:] = frames
        self._pass()
        self._stream.synchronize()
        return {name: self._host[name] for name in self._outputs}

    def close(self) -> None:
        """Free all, while the context lives."""
        if self._graph is not None:
            ctypes.CDLL("libcuda.so.1").cuGraphExecDestroy(self._graph)
        for memory in self._device.values():
            memory.free()
        for host in self._host.values():
            base: Any = host.base
            base.free()
        self._device.clear()
        self._host.clear()
        del self._pass, self._work, self._stream

    def _put(self) -> None:
        cuda.memcpy_htod_async(self._device[self._input], self._host[self._input], self._stream)
        self._work.enqueue(self._size, self._stream)
        for name in self._outputs:
            cuda.memcpy_dtoh_async(self._host[name], self._device[name], self._stream)

    def _capture(self) -> None:
        library, stream = ctypes.CDLL("libcuda.so.1"), ctypes.c_void_p(self._stream.handle)
        graph, instance = ctypes.c_void_p(), ctypes.c_void_p()
        codes = [library.cuStreamBeginCapture_v2(stream, ctypes.c_int(1))]
        self._put()
        codes += [
            library.cuStreamEndCapture(stream, ctypes.byref(graph)),
            library.cuGraphInstantiateWithFlags(
                ctypes.byref(instance), graph, ctypes.c_ulonglong(0)
            ),
            library.cuGraphDestroy(graph),
        ]
        assert not any(codes), f"the bare loop cannot be captured: {codes}"

        def launch() -> None:
            code = library.cuGraphLaunch(instance, stream)
            assert not code, f"CUresult {code}"

        self._pass, self._graph = launch, instance


class TensorRTWork:
    """A plan in NVIDIA's own runtime, with the same choices as the station's engine."""

    def __init__(self, trt: Any, plan: bytes, size: int, input_name: str, *, graph: bool) -> None:
        self._kept = trt.Logger(trt.Logger.ERROR)
        self._runtime = trt.Runtime(self._kept)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if hasattr(self._engine, "create_runtime_config"):
            config = self._engine.create_runtime_config()
            eager = trt.DynamicShapesKernelSpecializationStrategy.EAGER
            config.dynamic_shapes_kernel_specialization_strategy = eager
            if graph:
                config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            self._context = self._engine.create_execution_context(config)
        else:
            self._context = self._engine.create_execution_context()
        frame = tuple(self._engine.get_tensor_shape(input_name))[1:]
        assert self._context.set_input_shape(input_name, (size, *frame))

    def bind(self, name: str, address: int) -> None:
        """Where a tensor lies on the device."""
        assert self._context.set_tensor_address(name, address), name

    def enqueue(self, _batch: int, stream: Any) -> None:
        """The work on the stream."""
        assert self._context.execute_async_v3(stream.handle)


def torch_loop(torch: Any, cell: int) -> Callable[[npt.NDArray[Any]], tuple[Any, Any]]:
    """The model of `tests.gpu.cells` in PyTorch, frames in host memory to scores and maps there."""
    pinned: dict[int, Any] = {}

    def once(frames: npt.NDArray[Any]) -> tuple[Any, Any]:
        host = pinned.setdefault(
            len(frames), torch.empty(frames.shape, dtype=torch.uint8, pin_memory=True)
        )
        host.numpy()[:] = frames
        with torch.inference_mode():
            images = host.to("cuda", non_blocking=True).float()[:, None]
            maps = torch.nn.functional.avg_pool2d(images, cell)[:, 0] * np.float32(1 / 255)
            scores = maps.amax(dim=(1, 2))
            return scores.cpu().numpy(), maps.cpu().numpy()

    return once
