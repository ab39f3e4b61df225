"""A graphics processor in host memory, and a TensorRT that runs the model on it through ONNX
Runtime.

Device memory is kept apart from the host's and addressed by number, copies and work happen only
when the stream is waited for: an engine that forgets a step, or a wait, gets old numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.compiler import Progress
from qc_edge.engine.gpu import GpuFacts, PinnedBuffer
from qc_edge.engine.plans import CompileOptions
from qc_edge.engine.runner import PlanRefusedError, Runner
from qc_edge.errors import EngineError, EngineLostError
from qc_edge.settings import EngineSettings

FACTS = GpuFacts("Twin 4000", (8, 9), "600.1", integrated=False)
_MAGIC = b"twin plan for "


class TwinGpu:
    """See `qc_edge.engine.gpu.Gpu`. `lost` makes every further call fail, as after a driver's
    fault.
    """

    def __init__(self, facts: GpuFacts = FACTS) -> None:
        self.facts = facts
        self.stream = 7
        self.lost = False
        self.closed = 0
        self.pairs: list[PinnedBuffer] = []
        self.copied: list[tuple[str, int]] = []
        self._memory: dict[int, npt.NDArray[Any]] = {}
        self._queue: list[Callable[[], None]] = []

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> PinnedBuffer:
        """Host memory, and the device's own unless the twin is integrated."""
        host = np.zeros(shape, dtype)
        address = 4096 * (len(self._memory) + 1)
        self._memory[address] = host if self.facts.integrated else np.full(shape, 77, dtype)
        self.pairs.append(PinnedBuffer(host, address, mapped=self.facts.integrated))
        return self.pairs[-1]

    def at(self, address: int) -> npt.NDArray[Any]:
        """What lies there on the device."""
        return self._memory[address]

    def upload(self, buffer: PinnedBuffer, rows: int) -> None:
        """When its turn comes."""
        if not buffer.mapped:
            self.later(lambda: self._copy("up", self.at(buffer.device), buffer.host, rows))

    def download(self, buffer: PinnedBuffer, rows: int) -> None:
        """When its turn comes."""
        if not buffer.mapped:
            self.later(lambda: self._copy("down", buffer.host, self.at(buffer.device), rows))

    def later(self, work: Callable[[], None]) -> None:
        """Put something on the stream."""
        self._answer()
        self._queue.append(work)

    def capture_graph(self, work: Callable[[], None]) -> Callable[[], None]:
        """What `work` puts on the stream is taken off again and kept."""
        kept, self._queue = self._queue, []
        work()
        recorded, self._queue = self._queue, kept
        return lambda: self._queue.extend(recorded)

    def synchronize(self) -> None:
        """Do it all, in order."""
        while self._queue:
            self._answer()
            self._queue.pop(0)()
        self._answer()

    def settle(self) -> None:
        """There is one stream."""
        self.synchronize()

    def close(self) -> None:
        """Nothing is left."""
        self.closed += 1
        self._memory.clear()

    def _copy(self, way: str, to: npt.NDArray[Any], source: npt.NDArray[Any], rows: int) -> None:
        self.copied.append((way, source[:rows].nbytes))
        to[:rows] = source[:rows]

    def _answer(self) -> None:
        if self.lost:
            raise EngineLostError(
                "the GPU failed: unspecified launch failure", "the station starts again"
            )


class TwinRunner:
    """Runs the model on what lies at the addresses. `refuses` makes the next work fail, not the
    device.
    """

    def __init__(self, gpu: TwinGpu, model: bytes, bundle: Bundle) -> None:
        self._gpu, self._bundle = gpu, bundle
        self._session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        self._addresses: dict[str, int] = {}
        self.sizes: list[int] = []
        self.refuses = False
        self.closed = 0

    def bind(self, name: str, address: int) -> None:
        """Noted."""
        self._addresses[name] = address

    def enqueue(self, batch: int, stream: int) -> None:
        """The whole batch at once, as the device would."""
        assert stream == self._gpu.stream
        if self.refuses:
            raise EngineError("twin 1.0 failed: it refuses", "this is a test")
        self.sizes.append(batch)
        self._gpu.later(lambda: self._run(batch))

    def close(self) -> None:
        """Noted."""
        self.closed += 1

    def _run(self, batch: int) -> None:
        adapter = Adapter(self._bundle)
        names = [spec.name for spec in adapter.outputs]
        frames = self._gpu.at(self._addresses[adapter.input.name])[:batch]
        for name, values in zip(
            names, self._session.run(names, {adapter.input.name: frames}), strict=True
        ):
            place = self._gpu.at(self._addresses[name])[:batch]
            place[:] = values.reshape(place.shape)


@dataclass
class TwinToolkit:
    """A TensorRT whose plans are the model behind a header that names the device. `fault` ends a
    build, `refuses` every plan.
    """

    gpu: TwinGpu
    name: str = "twin"
    version: str = "1.0"
    captures_graphs: bool = False
    fault: Exception | None = None
    refuses: bool = False
    built: int = 0
    runners: list[TwinRunner] = field(default_factory=list)

    def compile_options(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """For the twin itself."""
        return CompileOptions(settings.max_batch, settings.tf32, (gpu.sm,), settings.workspace_mb)

    def compile(
        self, bundle: Bundle, precision: Precision, options: CompileOptions, progress: Progress
    ) -> bytes:
        """In two phases."""
        from qc_edge.engine.precision import convert_model  # needs onnx

        self.built += 1
        for phase in ("reading 1/1", "tuning 1/2"):
            if not progress(phase):
                raise EngineError("the build of the engine's plan was stopped", "start again")
        if self.fault is not None:
            raise self.fault
        return _MAGIC + f"{self.gpu.facts.name}|".encode() + convert_model(bundle, precision)

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """Takes only plans for its own device."""
        header = _MAGIC + f"{self.gpu.facts.name}|".encode()
        if self.refuses or not plan.startswith(header):
            raise PlanRefusedError(
                "twin 1.0 does not take the plan: made for another device", "made anew"
            )
        self.runners.append(TwinRunner(self.gpu, plan[len(header) :], bundle))
        return self.runners[-1]


def another(gpu: TwinGpu, **facts: Any) -> TwinGpu:
    """A twin that differs in these facts."""
    return TwinGpu(replace(gpu.facts, **facts))
