"""The backend `onnx`: ONNX Runtime on the CPU, or on another processor by an execution provider.

Owns the session and its threads; never converts frames, never changes a score, never falls back:
the runtime by itself goes on with the CPU when a provider does not start.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import BuildContext, EngineInfo, Prepared, Score
from qc_edge.engine.adapter import Adapter, TensorSpec
from qc_edge.engine.providers import CPU, Providers, resolve_providers, startup_error
from qc_edge.errors import EngineError, ModelError
from qc_edge.settings import EngineSettings

MOST_THREADS = 4
"""More do not pay at batch 1: the network's layers are too small to share out further."""

_ERRORS_ONLY = 3
"""ORT_LOGGING_LEVEL_ERROR: warnings of the runtime on stderr are no lines of the station's log."""
_TYPES: dict[type[np.generic], str] = {np.uint8: "tensor(uint8)", np.float32: "tensor(float)"}


def thread_count(setting: int, cores: int) -> int:
    """`setting`; 0 means all cores but one, which capture and disk need, at most MOST_THREADS."""
    return setting or max(1, min(cores - 1, MOST_THREADS))


def load(
    bundle: Bundle,
    settings: EngineSettings,
    reason: str,
    build_context: BuildContext,  # noqa: ARG001 (what every backend is given)
) -> OnnxEngine:
    """The bundle's model in an ONNX Runtime session; `reason` is why this engine was taken.

    Raises ModelError if the file is no model that this runtime takes, or if its inputs and outputs
    are not those of the manifest, EngineUnavailableError if a provider of the settings is not here
    or does not start.
    """
    threads = thread_count(settings.threads, len(os.sched_getaffinity(0)))
    providers = resolve_providers(
        settings.providers, ort.get_available_providers(), ort.__version__
    )
    session, adapter = _session(bundle, threads, providers), Adapter(bundle)
    if faults := _mismatches(session, adapter):
        raise ModelError(
            f"{bundle.model_path} is not the model that {bundle.reference} describes:\n  "
            + "\n  ".join(faults),
            hint="mend [input] and [outputs] of the manifest, or export the model again",
        )
    return OnnxEngine(session, adapter, threads, providers, reason)


@dataclass(frozen=True, slots=True)
class ModelTensor:
    """An input or output of a model file: ONNX Runtime's word for its type, and its shape with None
    for what is not fixed.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sizes = ", ".join("N" if side is None else str(side) for side in self.shape)
        return f"{self.name} {self.kind} [{sizes}]"


def model_tensors(model: Path) -> tuple[list[ModelTensor], list[ModelTensor]]:
    """Inputs and outputs of a model file. Raises ModelError if it is none that is taken."""
    try:
        session = ort.InferenceSession(str(model), _options(1), providers=["CPUExecutionProvider"])
    except Exception as fault:  # the runtime raises its own types, which share no public base
        raise _not_taken(model, fault) from fault
    return [_tensor(each) for each in session.get_inputs()], [
        _tensor(each) for each in session.get_outputs()
    ]


def _tensor(found: ort.NodeArg) -> ModelTensor:
    shape = tuple(side if isinstance(side, int) else None for side in found.shape)
    return ModelTensor(found.name, found.type, shape)


class OnnxModel:
    """A model that is no bundle yet: what a training computes features with, on the CPU."""

    def __init__(self, model: bytes, threads: int) -> None:
        self._session = ort.InferenceSession(
            model, _options(threads), providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, pixels: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        """All outputs for one batch, in the file's order."""
        found: list[npt.NDArray[np.float32]] = self._session.run(None, {self._input: pixels})
        return found


class OnnxEngine:
    """A bundle's model in a session of ONNX Runtime. Used by one thread."""

    def __init__(
        self,
        session: ort.InferenceSession,
        adapter: Adapter,
        threads: int,
        providers: Providers,
        reason: str,
    ) -> None:
        self._session: ort.InferenceSession | None = session
        self._adapter = adapter
        self._outputs = [spec.name for spec in adapter.outputs]
        plural = "" if threads == 1 else "s"
        self._info = EngineInfo(
            backend=f"onnx-{providers.first.name.lower()}",
            version=ort.__version__,
            device=providers.first.device(cpu_name()),
            reason=f"{reason}; on {providers.description}; {threads} thread{plural}",
        )

    @property
    def info(self) -> EngineInfo:
        """Which engine this is and why it was taken."""
        return self._info

    def infer(self, prepared: Prepared) -> list[Score]:
        """One Score for each of the N prepared frames, in order. Raises EngineError."""
        if self._session is None:
            raise EngineError("the ONNX Runtime engine is closed", hint="load it again")
        # One by one: a CPU gains nothing from a batch, memory stays that of one frame, and a
        # frame's score cannot depend on which frames happened to wait beside it.
        frames = [self._adapter.tensor(prepared[i : i + 1]) for i in range(len(prepared))]
        return [self._infer_one(self._session, frame) for frame in frames]

    def close(self) -> None:
        """End the session and its threads. May be called twice."""
        self._session = None

    def _infer_one(self, session: ort.InferenceSession, frame: npt.NDArray[Any]) -> Score:
        try:
            outputs = session.run(self._outputs, {self._adapter.input.name: frame})
        except Exception as fault:  # the runtime raises its own types, which share no public base
            raise EngineError(
                f"ONNX Runtime {ort.__version__} failed on a frame: {fault}",
                hint="qc-edge check scores the golden frames; if those pass, look at this frame",
            ) from fault
        return self._adapter.scores(dict(zip(self._outputs, outputs, strict=True)))[0]


def _session(bundle: Bundle, threads: int, providers: Providers) -> ort.InferenceSession:
    options = _options(threads)
    if not providers.may_use_cpu:
        # Nodes that the provider cannot run would go to the CPU without a word.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = ort.InferenceSession(
            str(bundle.model_path),
            options,
            providers=providers.for_session(threads),
            enable_fallback=0,  # of the Python package: to the CPU after a fault
        )
    except Exception as fault:  # the runtime raises its own types, which share no public base
        if providers.first.name != CPU:
            raise startup_error(providers, ort.__version__, " ".join(str(fault).split())) from fault
        raise _not_taken(bundle.model_path, fault) from fault
    # Some providers that do not start are only logged; the session says what it really has.
    if missing := providers.missing(session.get_providers()):
        raise startup_error(providers, ort.__version__, f"{', '.join(missing)} did not start")
    return session


def _not_taken(model: Path, fault: Exception) -> ModelError:
    return ModelError(
        f"ONNX Runtime {ort.__version__} does not take {model}: {fault}",
        hint="the model needs a newer ONNX Runtime, or the file was not exported whole",
    )


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    # Threads that spin between frames would take the cores from capture, disk and log.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _mismatches(session: ort.InferenceSession, adapter: Adapter) -> list[str]:
    """In words how the model's tensors differ from those of the manifest."""
    taken, batch = adapter.input, adapter.batch
    inputs = {tensor.name: tensor for tensor in session.get_inputs()}
    outputs = {tensor.name: tensor for tensor in session.get_outputs()}
    faults = [f"input {name!r} is not in the manifest" for name in inputs if name != taken.name]
    faults += _mismatch("input", taken, batch, inputs)
    for spec in adapter.outputs:
        faults += _mismatch("output", spec, batch, outputs)
    return faults


def _mismatch(
    side: str, spec: TensorSpec, batch: int | None, tensors: Mapping[str, ort.NodeArg]
) -> list[str]:
    kind, first = _TYPES[spec.dtype], batch or "N"
    expected = " or ".join(
        f"{kind} [{', '.join(map(str, (first, *shape)))}]" for shape in spec.shapes
    )
    if spec.name not in tensors:
        return [f"no {side} {spec.name!r}, expected {expected}; it has {', '.join(tensors)}"]
    tensor = tensors[spec.name]
    # A dynamic dimension is a name or None, a fixed one a number.
    is_any = bool(tensor.shape) and not isinstance(tensor.shape[0], int)
    fits = is_any if batch is None else tensor.shape[:1] == [batch]
    if tensor.type == kind and tuple(tensor.shape[1:]) in spec.shapes and fits:
        return []
    return [f"{side} {spec.name!r} is {tensor.type} {tensor.shape}, expected {expected}"]


@cache
def cpu_name() -> str:
    """The CPU's name as the kernel gives it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.machine()
