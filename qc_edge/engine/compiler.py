"""Through TensorRT's own parser and builder: from a model to a plan, or to words on why not.

Needs no GPU where the flavour does not. Never keeps a plan, never runs one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine.tensorrt_variants import FoundVariant
from qc_edge.errors import EngineError, EngineLostError, EngineUnavailableError, ModelError

Progress = Callable[[str], bool]
"""Takes words on how far the build is; False ends it."""

OUT_OF_MEMORY = "lower engine.max_batch, or end what else uses the GPU (nvidia-smi shows it)"
"""What to do when the device's memory runs out."""

_SHOWN = 3
"""Of the builder's own messages, this many of the first are in an error's."""


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """How to compile: the profile 1..`max_batch`, TF32 or not, for which compute capabilities
    (`SM89`).
    """

    max_batch: int
    tf32: bool
    targets: tuple[str, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """What the plan's key has of it beside the profile."""
        return ("tf32",) if self.tf32 else ()


def listener(trt: Any) -> Any:
    """A logger for `trt` that keeps what it says of errors, in `faults`."""

    class Listener(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.faults: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.ERROR:
                self.faults.append(" ".join(message.split()))

    return Listener()


def compile_plan(
    found: FoundVariant, bundle: Bundle, model: bytes, recipe: CompileOptions, progress: Progress
) -> bytes:
    """The plan of `model` for the targets of the recipe; without targets, for this machine's
    device.

    Raises ModelError if TensorRT cannot parse or compile the model or if it is not the one that the
    manifest describes, EngineUnavailableError if it is not made for this device, EngineLostError if
    memory ran out.
    """
    trt = found.trt
    heard = listener(trt)
    builder = trt.Builder(heard)
    network = _parsed(found, builder, bundle, model, heard)
    if faults := list(_mismatches(network, bundle)):
        raise ModelError(
            f"{bundle.model_path} is not the model that {bundle.reference} describes:\n  "
            + "\n  ".join(faults),
            "mend [input] and [outputs] of the manifest, or export the model again",
        )
    config = _config(trt, builder, bundle, recipe)
    monitor = _monitor(trt, progress)  # must outlive the build
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is not None:
        return bytes(plan)
    if monitor.stopped:
        raise EngineError("the build of the engine's plan was stopped", "start again")
    raise _build_fault(found, bundle, recipe, heard.faults)


def _parsed(found: FoundVariant, builder: Any, bundle: Bundle, model: bytes, heard: Any) -> Any:
    trt = found.trt
    # strongly typed: the graph's own types are what is computed in (TensorRT 11 and RTX know no
    # other way)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, heard)
    if not parser.parse(model):
        said = [parser.get_error(number) for number in range(parser.num_errors)]
        words = "; ".join(
            f"{each.node_operator()} {each.node_name()!r}: {each.desc()}" for each in said
        )
        raise ModelError(
            f"{found.name} {found.version} cannot parse {bundle.model_path}: "
            f"{' '.join(words.split())}",
            'its ONNX support matrix names the operators that it takes; engine.backend = "onnx" '
            "takes all",
        )
    return network


def _config(trt: Any, builder: Any, bundle: Bundle, recipe: CompileOptions) -> Any:
    config = builder.create_builder_config()
    if recipe.tf32:
        config.set_flag(trt.BuilderFlag.TF32)
    else:
        config.clear_flag(trt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    frame = bundle.input_shape
    profile.set_shape(
        bundle.manifest.input.name, (1, *frame), (1, *frame), (recipe.max_batch, *frame)
    )
    config.add_optimization_profile(profile)
    if recipe.targets:
        config.num_compute_capabilities = len(recipe.targets)
        for number, target in enumerate(recipe.targets):
            config.set_compute_capability(trt.ComputeCapability.__members__[target], number)
    return config


def targets_of(found: FoundVariant) -> Mapping[str, Any]:
    """The compute capabilities that this flavour compiles for by name; none if it only knows its
    own.
    """
    enum = getattr(found.trt, "ComputeCapability", None)
    members: Mapping[str, Any] = enum.__members__ if enum is not None else {}
    return {name: value for name, value in members.items() if name.startswith("SM")}


def _monitor(trt: Any, progress: Progress) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Called on the builder's threads."""

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
    found: FoundVariant, bundle: Bundle, recipe: CompileOptions, faults: list[str]
) -> EngineError | ModelError:
    words = "; ".join(faults[:_SHOWN]) or "it gave no reason"
    if ran_out(words):
        return EngineLostError(
            f"the GPU's memory ran out while {found.name} compiled {bundle.reference}: {words}",
            OUT_OF_MEMORY,
        )
    if recipe.targets and "unsupported" in words.lower() and "capab" in words.lower():
        return EngineUnavailableError(
            f"{found.name} {found.version} is not made for {', '.join(recipe.targets)}: {words}",
            'install NVIDIA\'s other TensorRT for this GPU, or set engine.backend = "onnx"',
        )
    return ModelError(
        f"{found.name} {found.version} cannot compile {bundle.model_path}: {words}",
        'engine.backend = "onnx" runs it on the CPU; or export the model with other operators',
    )


def ran_out(words: str) -> bool:
    """True if TensorRT's own words say that memory ran out."""
    return "outofmemory" in words.lower().replace(" ", "").replace("_", "")


def _mismatches(network: Any, bundle: Bundle) -> Iterator[str]:
    """How the network's tensors differ from the manifest's, in words."""
    taken, given = bundle.manifest.input, bundle.manifest.outputs
    inputs = [network.get_input(number) for number in range(network.num_inputs)]
    outputs = [network.get_output(number) for number in range(network.num_outputs)]
    yield from (
        f"input {each.name!r} is not in the manifest" for each in inputs if each.name != taken.name
    )
    wanted = [
        ("input", inputs, taken.name, "UINT8", tuple(taken.shape)),
        ("output", outputs, given.score, "FLOAT", ()),
        ("output", outputs, given.defect_map, "FLOAT", tuple(given.map_shape)),
    ]
    for side, tensors, name, dtype, shape in wanted:
        found = {each.name: f"{each.dtype.name} {tuple(each.shape)}" for each in tensors}
        expected = f"{dtype} {(-1, *shape)}"
        if name not in found:
            yield f"no {side} {name!r}, expected {expected}; it has {', '.join(found)}"
        elif found[name] != expected:
            yield f"{side} {name!r} is {found[name]}, expected {expected} (-1: any batch)"
