"""What an engine needs of a TensorRT: to compile a bundle's model and to run the plan. Keeps
nothing.
"""

from __future__ import annotations

from typing import Protocol

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.compiler import CompileOptions, Progress, compile_plan, compile_targets
from qc_edge.engine.gpu import GpuFacts
from qc_edge.engine.runner import PlanRunner, Runner
from qc_edge.engine.tensorrt_variants import RTX, ImportedVariant
from qc_edge.settings import EngineSettings


class Toolkit(Protocol):
    """One variant of TensorRT. `captures_graphs`: its runtime records CUDA graphs, nobody else
    may.
    """

    @property
    def name(self) -> str:
        """As rows say it: `tensorrt-rtx`."""

    @property
    def version(self) -> str:
        """`10.13.0.35`."""

    @property
    def captures_graphs(self) -> bool:
        """True if its runtime makes CUDA graphs by itself."""

    def compile_options(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """How it compiles for this device."""

    def compile(
        self, bundle: Bundle, precision: Precision, options: CompileOptions, progress: Progress
    ) -> bytes:
        """A plan of the bundle's model. Raises ModelError, EngineUnavailableError,
        EngineLostError.
        """

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The plan, ready for addresses. Raises PlanRefusedError, EngineError."""


class InstalledToolkit:
    """NVIDIA's own module, whichever of its variants."""

    def __init__(self, variant: ImportedVariant) -> None:
        self._variant = variant

    @property
    def name(self) -> str:
        """As rows say it."""
        return self._variant.name

    @property
    def version(self) -> str:
        """As the module says it."""
        return self._variant.version

    @property
    def captures_graphs(self) -> bool:
        """TensorRT for RTX does, because its kernels come into being while it runs."""
        return self._variant.variant is RTX

    def compile_options(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """For the device's compute capability where the variant can be told, else for the one it
        finds.
        """
        targets = (gpu.sm,) if gpu.sm in compile_targets(self._variant) else ()
        return CompileOptions(settings.max_batch, settings.tf32, targets)

    def compile(
        self, bundle: Bundle, precision: Precision, options: CompileOptions, progress: Progress
    ) -> bytes:
        """A plan of the bundle's model. Raises ModelError, EngineUnavailableError,
        EngineLostError.
        """
        from qc_edge.engine.precision import convert_model

        return compile_plan(
            self._variant, bundle, convert_model(bundle, precision), options, progress
        )

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The plan, ready for addresses. Raises PlanRefusedError, EngineError."""
        own = graphs and self.captures_graphs
        return PlanRunner(self._variant, plan, bundle.manifest.input.name, bundle.input_shape, own)
