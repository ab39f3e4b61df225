"""A plan in TensorRT's runtime: addresses in, work on a stream out. Never allocates for frames or
copies.
"""

from __future__ import annotations

from typing import Any, Protocol

from qc_edge.engine.compiler import OUT_OF_MEMORY, listener, ran_out
from qc_edge.engine.tensorrt_variants import RTX, FoundVariant
from qc_edge.errors import EngineError, EngineLostError


class PlanRefusedError(EngineError):
    """The runtime does not take this plan: made elsewhere, or by another version."""


class Runner(Protocol):
    """A loaded plan. Used by the thread that owns the device's context."""

    def bind(self, name: str, address: int) -> None:
        """Where the tensor `name` lies on the device."""

    def enqueue(self, batch: int, stream: int) -> None:
        """Put the work for the first `batch` frames on the stream. Raises EngineError if that is
        refused.
        """

    def close(self) -> None:
        """Free the plan's memory. May be called twice."""


class PlanRunner:
    """An execution context of any flavour; the API is the same in TensorRT 10, 11 and TensorRT for
    RTX.
    """

    def __init__(
        self,
        found: FoundVariant,
        plan: bytes,
        input_name: str,
        frame: tuple[int, int],
        graphs: bool,
    ) -> None:
        """Raises PlanRefusedError, or EngineLostError if the device has no memory for it."""
        self._found = found
        self._heard = listener(found.trt)
        self._runtime: Any = found.trt.Runtime(self._heard)
        self._engine: Any = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            words = self._words("does not take the plan")
            raise (
                EngineLostError(words, OUT_OF_MEMORY) if ran_out(words) else PlanRefusedError(words)
            )
        self._context: Any = self._created(graphs)
        if self._context is None:
            raise EngineLostError(self._words("cannot run the plan"), OUT_OF_MEMORY)
        self._input, self._frame, self._batch = input_name, frame, 0

    def bind(self, name: str, address: int) -> None:
        """Where the tensor `name` lies on the device. Raises EngineError if the plan has no such
        tensor.
        """
        if not self._context.set_tensor_address(name, address):
            raise EngineError(
                self._words(f"takes no address for {name!r}"), "compile the bundle again"
            )

    def enqueue(self, batch: int, stream: int) -> None:
        """Put the work for the first `batch` frames on the stream. Raises EngineError if that is
        refused.
        """
        if batch != self._batch:
            self._batch = 0
            if not self._context.set_input_shape(self._input, (batch, *self._frame)):
                raise EngineError(
                    self._words(f"takes no batch of {batch}"), "engine.max_batch is the most"
                )
            self._batch = batch
        if not self._context.execute_async_v3(stream):
            raise EngineError(
                self._words("failed"), "nvidia-smi and dmesg (Xid) show the GPU's own words"
            )

    def close(self) -> None:
        """Free the plan's memory, the context before the engine before the runtime."""
        self._context = None
        self._engine = None
        self._runtime = None

    def _created(self, graphs: bool) -> Any:
        trt = self._found.trt
        if self._found.flavour is not RTX:
            return self._engine.create_execution_context()
        config = self._engine.create_runtime_config()
        # TensorRT for RTX compiles kernels when a shape is first seen. Not lazily: a frame's score
        # must not depend on whether a better kernel was ready by then.
        config.dynamic_shapes_kernel_specialization_strategy = (
            trt.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        if graphs:
            config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        return self._engine.create_execution_context(config)

    def _words(self, what: str) -> str:
        said, self._heard.faults = "; ".join(self._heard.faults[-2:]), []
        return f"{self._found.name} {self._found.version} {what}" + (f": {said}" if said else "")
