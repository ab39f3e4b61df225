"""Execution contexts of a plan, on a scripted TensorRT."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from qc_edge.engine.runner import PlanRunner
from qc_edge.engine.tensorrt_variants import TENSORRT, ImportedVariant
from qc_edge.errors import EngineLostError

BOUND = {"prepared": 4096, "score": 8192}


@dataclass
class ExecutionContext:
    """What was set, and what was run on which stream."""

    addresses: dict[str, int] = field(default_factory=dict)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Noted."""
        self.addresses[name] = address
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        """Noted."""
        assert name == "prepared"
        self.shapes.append(shape)
        return True

    def execute_async_v3(self, stream: int) -> bool:
        """Noted."""
        self.ran.append(stream)
        return True


class ScriptedTensorRT:
    """As much of the module as a runner uses; memory for `most` contexts."""

    def __init__(self, most: int = 99) -> None:
        self.contexts: list[ExecutionContext] = []
        self._most = most
        self.ILogger = type("ILogger", (), {"ERROR": 1})

    def runtime(self, _listener: Any) -> Any:
        """One whose every plan is this module's."""
        return SimpleNamespace(deserialize_cuda_engine=lambda _plan: self)

    def create_execution_context(self) -> ExecutionContext | None:
        """The next, or None as TensorRT answers when memory is used up."""
        if len(self.contexts) == self._most:
            return None
        self.contexts.append(ExecutionContext())
        return self.contexts[-1]


def runner_of(trt: ScriptedTensorRT, *, graphs: bool) -> PlanRunner:
    variant = ImportedVariant(TENSORRT, SimpleNamespace(**_names(trt)))
    runner = PlanRunner(variant, b"plan", "prepared", (8, 8), own_graphs=False, graphs=graphs)
    for name, address in BOUND.items():
        runner.bind(name, address)
    return runner


def _names(trt: ScriptedTensorRT) -> dict[str, Any]:
    return {"Runtime": trt.runtime, "ILogger": trt.ILogger, "__version__": "10.3.0"}


def test_each_batch_size_that_is_captured_keeps_a_context_of_its_own() -> None:
    trt = ScriptedTensorRT()
    runner = runner_of(trt, graphs=True)
    for size in (1, 2, 4, 2, 1):
        runner.enqueue(size, 7)
    assert [context.shapes for context in trt.contexts] == [[(1, 8, 8)], [(2, 8, 8)], [(4, 8, 8)]]
    assert [len(context.ran) for context in trt.contexts] == [2, 2, 1]
    assert all(context.addresses == BOUND for context in trt.contexts)


def test_without_graphs_one_context_takes_every_size() -> None:
    trt = ScriptedTensorRT()
    runner = runner_of(trt, graphs=False)
    for size in (1, 2, 2, 1):
        runner.enqueue(size, 7)
    (context,) = trt.contexts
    assert context.shapes == [(1, 8, 8), (2, 8, 8), (1, 8, 8)]
    assert context.addresses == BOUND


def test_no_memory_for_a_further_context_is_the_device_s_fault() -> None:
    runner = runner_of(ScriptedTensorRT(most=1), graphs=True)
    runner.enqueue(1, 7)
    with pytest.raises(EngineLostError, match="cannot run the plan"):
        runner.enqueue(2, 7)
