"""A plan in TensorRT's runtime: takes device addresses, puts work on a stream.

Never allocates memory for frames, never copies them.
"""

from __future__ import annotations

from typing import Any, Protocol

from qc_edge.engine.compiler import OUT_OF_MEMORY, error_listener, is_out_of_memory
from qc_edge.engine.tensorrt_variants import RTX, ImportedVariant
from qc_edge.errors import EngineError, EngineLostError


class PlanRefusedError(EngineError):
    """The runtime does not take this plan: made elsewhere, or by another version."""


class Runner(Protocol):
    """A loaded plan. Used by the thread that owns the device's context."""

    def bind(self, name: str, address: int) -> None:
        """Set where the tensor `name` lies on the device. Raises EngineError if the plan has no
        such tensor.
        """

    def enqueue(self, batch: int, stream: int) -> None:
        """Put the work for the first `batch` frames on the stream. Raises EngineError if that is
        refused.
        """

    def close(self) -> None:
        """Free the plan's memory. May be called twice."""


class PlanRunner:
    """A plan in an execution context of TensorRT 10, TensorRT 11 or TensorRT for RTX.

    The API is the same in all of them.
    """

    def __init__(
        self,
        variant: ImportedVariant,
        plan: bytes,
        input_name: str,
        frame: tuple[int, ...],
        graphs: bool,
    ) -> None:
        """Raises PlanRefusedError, or EngineLostError if the device has no memory for it."""
        self._variant = variant
        # Kept: TensorRT refers to its logger for as long as the runtime lives.
        self._listener = error_listener(variant.trt)
        self._runtime: Any = variant.trt.Runtime(self._listener)
        self._engine: Any = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            message = self._message("does not take the plan")
            if is_out_of_memory(message):
                raise EngineLostError(message, OUT_OF_MEMORY)
            raise PlanRefusedError(message)
        self._context: Any = self._make_context(graphs)
        if self._context is None:
            raise EngineLostError(self._message("cannot run the plan"), OUT_OF_MEMORY)
        self._input, self._frame, self._batch = input_name, frame, 0

    def bind(self, name: str, address: int) -> None:
        """Set where the tensor `name` lies on the device. Raises EngineError if the plan has no
        such tensor.
        """
        if not self._context.set_tensor_address(name, address):
            message = self._message(f"takes no address for {name!r}")
            raise EngineError(message, "compile the bundle again")

    def enqueue(self, batch: int, stream: int) -> None:
        """Put the work for the first `batch` frames on the stream. Raises EngineError if that is
        refused.
        """
        if batch != self._batch:
            # 0 meanwhile: after a refusal the context's shape is unknown and must be set again.
            self._batch = 0
            if not self._context.set_input_shape(self._input, (batch, *self._frame)):
                message = self._message(f"takes no batch of {batch}")
                raise EngineError(message, "engine.max_batch is the most")
            self._batch = batch
        if not self._context.execute_async_v3(stream):
            raise EngineError(
                self._message("failed"), "nvidia-smi and dmesg (Xid) show the GPU's own words"
            )

    def close(self) -> None:
        """Free the plan's memory, the context before the engine before the runtime."""
        self._context = None
        self._engine = None
        self._runtime = None

    def _make_context(self, graphs: bool) -> Any:
        trt = self._variant.trt
        if self._variant.variant is not RTX:
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

    def _message(self, what: str) -> str:
        """What failed, with the last errors that TensorRT logged since the last message."""
        faults, self._listener.faults = "; ".join(self._listener.faults[-2:]), []
        head = f"{self._variant.name} {self._variant.version} {what}"
        return f"{head}: {faults}" if faults else head
