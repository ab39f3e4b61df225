"""TensorRT's own parser and builder: from a model to a plan, or to an error that says why not.

Needs no GPU where the variant does not. Never keeps a plan, never runs one.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine.adapter import Adapter, TensorSpec
from qc_edge.engine.plans import CompileOptions
from qc_edge.engine.tensorrt_variants import ImportedVariant
from qc_edge.errors import (
    EngineError,
    EngineLostError,
    EngineUnavailableError,
    ModelError,
    QcEdgeError,
)

Progress = Callable[[str], bool]
"""Called with a message on how far the build is; returning False ends the build."""

OUT_OF_MEMORY = "lower engine.max_batch, or end what else uses the GPU (nvidia-smi shows it)"
"""What to do when the device's memory runs out."""

_TYPES: dict[type[np.generic], str] = {np.uint8: "UINT8", np.float32: "FLOAT"}
_SHOWN = 3
"""The first messages of the builder are shown in an error: later ones only follow from them."""


def error_listener(trt: Any) -> Any:
    """A logger for the TensorRT module `trt` that keeps error messages in `faults`."""

    # Made here, since the base class is that of whichever TensorRT was imported.
    class Listener(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # not super(): pybind11 forbids it
            self.faults: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.ERROR:
                self.faults.append(" ".join(message.split()))

    return Listener()


def compile_plan(
    variant: ImportedVariant,
    bundle: Bundle,
    model: bytes,
    options: CompileOptions,
    progress: Progress,
) -> bytes:
    """The plan of `model` for the targets of the options; without targets, for this machine's
    device.

    Raises ModelError if TensorRT cannot parse or compile the model or if it is not the one that the
    manifest describes, EngineUnavailableError if it is not made for this device, EngineLostError if
    memory ran out.
    """
    try:
        return _compile(variant, bundle, model, options, progress)
    except QcEdgeError as fault:
        # As long as the fault is kept, its traceback's frames keep the builder. Freed by the
        # garbage collector within a later build's call of the listener, its destructor waits for
        # ever for a lock that TensorRT holds during that call (TensorRT for RTX, under gdb).
        traceback.clear_frames(fault.__traceback__)
        raise


def _compile(
    variant: ImportedVariant,
    bundle: Bundle,
    model: bytes,
    options: CompileOptions,
    progress: Progress,
) -> bytes:
    trt = variant.trt
    listener = error_listener(trt)
    builder = trt.Builder(listener)
    network = _parse(variant, builder, bundle, model, listener)
    adapter = Adapter(bundle)
    if faults := list(_mismatches(network, adapter)):
        raise ModelError(
            f"{bundle.model_path} is not the model that {bundle.reference} describes:\n  "
            + "\n  ".join(faults),
            "mend [input] and [outputs] of the manifest, or export the model again",
        )
    _drop_other_outputs(network, adapter)
    config = _config(trt, builder, adapter, options)
    monitor = _monitor(trt, progress)  # must outlive the build
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is not None:
        return bytes(plan)
    if monitor.stopped:
        raise EngineError("the build of the engine's plan was stopped", "start again")
    raise _build_fault(variant, bundle, options, listener.faults)


def _parse(
    variant: ImportedVariant, builder: Any, bundle: Bundle, model: bytes, listener: Any
) -> Any:
    trt = variant.trt
    # Strongly typed: it computes in the types of the graph, instead of choosing layer by layer by
    # what is fast on the day of the build. TensorRT 11 and TensorRT for RTX know no other way.
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, listener)
    if not parser.parse(model):
        errors = [parser.get_error(number) for number in range(parser.num_errors)]
        message = "; ".join(
            f"{error.node_operator()} {error.node_name()!r}: {error.desc()}" for error in errors
        )
        raise ModelError(
            f"{variant.name} {variant.version} cannot parse {bundle.model_path}: "
            f"{' '.join(message.split())}",
            'its ONNX support matrix names the operators that it takes; engine.backend = "onnx" '
            "takes all",
        )
    return network


def _drop_other_outputs(network: Any, adapter: Adapter) -> None:
    """Have only the outputs computed that are asked for: the runtime wants an address for each."""
    asked_for = {spec.name for spec in adapter.outputs}
    for tensor in [network.get_output(number) for number in range(network.num_outputs)]:
        if tensor.name not in asked_for:
            network.unmark_output(tensor)


def _config(trt: Any, builder: Any, adapter: Adapter, options: CompileOptions) -> Any:
    config = builder.create_builder_config()
    if options.tf32:
        config.set_flag(trt.BuilderFlag.TF32)
    else:
        # TensorRT 10 has it on by default; it rounds what is multiplied to 10 bits of mantissa.
        config.clear_flag(trt.BuilderFlag.TF32)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb * 1024**2)
    profile = builder.create_optimization_profile()
    frame, most = adapter.tensor_shape, adapter.batch or options.max_batch
    profile.set_shape(adapter.input.name, (1, *frame), (1, *frame), (most, *frame))
    config.add_optimization_profile(profile)
    if options.targets:
        config.num_compute_capabilities = len(options.targets)
        for number, target in enumerate(options.targets):
            config.set_compute_capability(trt.ComputeCapability.__members__[target], number)
    return config


def compile_targets(variant: ImportedVariant) -> Mapping[str, Any]:
    """The compute capabilities (`SM89`) that this variant can compile for on any machine.

    Empty for a variant that compiles only for the GPU it finds.
    """
    enum = getattr(variant.trt, "ComputeCapability", None)
    members: Mapping[str, Any] = enum.__members__ if enum is not None else {}
    return {name: value for name, value in members.items() if name.startswith("SM")}


def _monitor(trt: Any, progress: Progress) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Passes on how far the build is. Called by TensorRT on the builder's threads."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped = False
            self._steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:  # noqa: ARG002
            self._steps[phase] = steps
            self._tell(phase)

        def step_complete(self, phase: str, step: int) -> bool:
            return self._tell(f"{phase} {step + 1}/{self._steps.get(phase, 0)}")

        def phase_finish(self, phase: str) -> None:
            self._steps.pop(phase, None)

        def _tell(self, words: str) -> bool:
            self.stopped = self.stopped or not progress(words)
            return not self.stopped

    return Monitor()


def _build_fault(
    variant: ImportedVariant, bundle: Bundle, options: CompileOptions, faults: list[str]
) -> EngineError | ModelError:
    shown = "; ".join(faults[:_SHOWN]) or "it gave no reason"
    if is_out_of_memory(shown):
        return EngineLostError(
            f"the GPU's memory ran out while {variant.name} compiled {bundle.reference}: {shown}",
            OUT_OF_MEMORY,
        )
    if options.targets and "unsupported" in shown.lower() and "capab" in shown.lower():
        return EngineUnavailableError(
            f"{variant.name} {variant.version} is not made for {', '.join(options.targets)}: "
            f"{shown}",
            'install NVIDIA\'s other TensorRT for this GPU, or set engine.backend = "onnx"',
        )
    return ModelError(
        f"{variant.name} {variant.version} cannot compile {bundle.model_path}: {shown}",
        'engine.backend = "onnx" runs it on the CPU; or export the model with other operators',
    )


def is_out_of_memory(message: str) -> bool:
    """True if a message of TensorRT says that memory ran out: it has no error code for it."""
    return "outofmemory" in message.lower().replace(" ", "").replace("_", "")


def _mismatches(network: Any, adapter: Adapter) -> Iterator[str]:
    """How the network's tensors differ from the manifest's, in words."""
    inputs = [network.get_input(number) for number in range(network.num_inputs)]
    outputs = [network.get_output(number) for number in range(network.num_outputs)]
    strange = [tensor.name for tensor in inputs if tensor.name != adapter.input.name]
    yield from (f"input {name!r} is not in the manifest" for name in strange)
    expectations: list[tuple[str, list[Any], TensorSpec]] = [("input", inputs, adapter.input)]
    expectations += [("output", outputs, spec) for spec in adapter.outputs]
    first, note = (-1, " (-1: any batch)") if adapter.batch is None else (adapter.batch, "")
    for side, tensors, spec in expectations:
        actual = {tensor.name: f"{tensor.dtype.name} {tuple(tensor.shape)}" for tensor in tensors}
        expected = [f"{_TYPES[spec.dtype]} {(first, *shape)}" for shape in spec.shapes]
        one_of = " or ".join(expected)
        if spec.name not in actual:
            yield f"no {side} {spec.name!r}, expected {one_of}; it has {', '.join(actual)}"
        elif actual[spec.name] not in expected:
            yield f"{side} {spec.name!r} is {actual[spec.name]}, expected {one_of}{note}"
