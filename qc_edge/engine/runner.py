"""A plan in TensorRT's runtime: takes device addresses, puts work on a stream.

Never allocates memory for frames, never copies them.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(slots=True)
class _Context:
    """An execution context of TensorRT, and the batch size that it is set to; 0: to none."""

    handle: Any
    batch: int = 0


class PlanRunner:
    """A plan in execution contexts of TensorRT 10, TensorRT 11 or TensorRT for RTX.

    The API is the same in all of them. One context does for all batch sizes; where the work is
    captured as CUDA graphs each size has its own, since a graph refers to the state of the context
    that it was captured from, and another shape changes that (TensorRT developer guide, "CUDA
    Graphs").
    """

    def __init__(
        self,
        variant: ImportedVariant,
        plan: bytes,
        input_name: str,
        frame: tuple[int, ...],
        *,
        own_graphs: bool,
        graphs: bool,
    ) -> None:
        """`own_graphs`: the runtime captures CUDA graphs by itself; `graphs`: the caller does.

        Raises PlanRefusedError, or EngineLostError if the device has no memory for it.
        """
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
        self._input, self._frame = input_name, frame
        self._own_graphs, self._context_a_size = own_graphs, graphs
        self._addresses: dict[str, int] = {}
        # Now, so that a device without the memory for one is known before there are buffers.
        self._spare: _Context | None = self._make_context()
        self._contexts: dict[int, _Context] = {}

    def bind(self, name: str, address: int) -> None:
        """Set where the tensor `name` lies on the device. Raises EngineError if the plan has no
        such tensor.
        """
        self._addresses[name] = address
        for context in (self._spare, *self._contexts.values()):
            if context is not None:
                self._set_address(context, name, address)

    def enqueue(self, batch: int, stream: int) -> None:
        """Put the work for the first `batch` frames on the stream. Raises EngineError if that is
        refused.
        """
        context = self._context_for(batch)
        if batch != context.batch:
            # 0 meanwhile: after a refusal the context's shape is unknown and must be set again.
            context.batch = 0
            if not context.handle.set_input_shape(self._input, (batch, *self._frame)):
                message = self._message(f"takes no batch of {batch}")
                raise EngineError(message, "engine.max_batch is the most")
            context.batch = batch
        if not context.handle.execute_async_v3(stream):
            raise EngineError(
                self._message("failed"), "nvidia-smi and dmesg (Xid) show the GPU's own words"
            )

    def close(self) -> None:
        """Free the plan's memory, the contexts before the engine before the runtime."""
        self._spare = None
        self._contexts.clear()
        self._engine = None
        self._runtime = None

    def _context_for(self, batch: int) -> _Context:
        """The context that runs this batch size, made when it is first asked for."""
        slot = batch if self._context_a_size else 0
        context = self._contexts.get(slot)
        if context is None:
            context, self._spare = self._spare, None
            if context is None:
                context = self._make_context()
                for name, address in self._addresses.items():
                    self._set_address(context, name, address)
            self._contexts[slot] = context
        return context

    def _set_address(self, context: _Context, name: str, address: int) -> None:
        if not context.handle.set_tensor_address(name, address):
            message = self._message(f"takes no address for {name!r}")
            raise EngineError(message, "compile the bundle again")

    def _make_context(self) -> _Context:
        handle = self._new_handle()
        if handle is None:
            raise EngineLostError(self._message("cannot run the plan"), OUT_OF_MEMORY)
        return _Context(handle)

    def _new_handle(self) -> Any:
        trt = self._variant.trt
        if self._variant.variant is not RTX:
            return self._engine.create_execution_context()
        config = self._engine.create_runtime_config()
        # TensorRT for RTX compiles kernels when a shape is first seen. Not lazily: a frame's score
        # must not depend on whether a better kernel was ready by then.
        config.dynamic_shapes_kernel_specialization_strategy = (
            trt.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        if self._own_graphs:
            config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        return self._engine.create_execution_context(config)

    def _message(self, what: str) -> str:
        """What failed, with the last errors that TensorRT logged since the last message."""
        faults, self._listener.faults = "; ".join(self._listener.faults[-2:]), []
        head = f"{self._variant.name} {self._variant.version} {what}"
        return f"{head}: {faults}" if faults else head
