"""What an engine needs of a TensorRT: to compile a bundle's model and to run the plan. Keeps
nothing.
"""

from __future__ import annotations

from typing import Protocol

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.compiler import CompileOptions, Progress, compile_plan, targets_of
from qc_edge.engine.gpu import GpuFacts
from qc_edge.engine.runner import PlanRunner, Runner
from qc_edge.engine.tensorrt_variants import RTX, FoundVariant
from qc_edge.settings import EngineSettings


class Toolkit(Protocol):
    """One flavour of TensorRT. `records_itself`: its runtime records CUDA graphs, nobody else
    may.
    """

    @property
    def name(self) -> str:
        """As rows say it: `tensorrt-rtx`."""

    @property
    def version(self) -> str:
        """`10.13.0.35`."""

    @property
    def records_itself(self) -> bool:
        """True if its runtime makes CUDA graphs by itself."""

    def recipe(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """How it compiles for this device."""

    def compile(
        self, bundle: Bundle, precision: Precision, recipe: CompileOptions, progress: Progress
    ) -> bytes:
        """A plan of the bundle's model. Raises ModelError, EngineUnavailableError,
        EngineLostError.
        """

    def run(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The plan, ready for addresses. Raises PlanRefusedError, EngineError."""


class RealToolkit:
    """NVIDIA's own module, whichever of its flavours."""

    def __init__(self, found: FoundVariant) -> None:
        self._found = found

    @property
    def name(self) -> str:
        """As rows say it."""
        return self._found.name

    @property
    def version(self) -> str:
        """As the module says it."""
        return self._found.version

    @property
    def records_itself(self) -> bool:
        """TensorRT for RTX does, because its kernels come into being while it runs."""
        return self._found.flavour is RTX

    def recipe(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """For the device's compute capability where the flavour can be told, else for the one it
        finds.
        """
        targets = (gpu.sm,) if gpu.sm in targets_of(self._found) else ()
        return CompileOptions(settings.max_batch, settings.tf32, targets)

    def compile(
        self, bundle: Bundle, precision: Precision, recipe: CompileOptions, progress: Progress
    ) -> bytes:
        """A plan of the bundle's model. Raises ModelError, EngineUnavailableError,
        EngineLostError.
        """
        from qc_edge.engine.precision import model_for

        return compile_plan(self._found, bundle, model_for(bundle, precision), recipe, progress)

    def run(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The plan, ready for addresses. Raises PlanRefusedError, EngineError."""
        own = graphs and self.records_itself
        return PlanRunner(self._found, plan, bundle.manifest.input.name, bundle.input_shape, own)
