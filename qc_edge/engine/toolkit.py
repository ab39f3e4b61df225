"""What an engine needs of a TensorRT, as a protocol: compile a bundle's model, load the plan."""

from __future__ import annotations

from typing import Protocol

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.compiler import Progress, compile_plan, compile_targets
from qc_edge.engine.gpu import GpuFacts
from qc_edge.engine.plans import CompileOptions
from qc_edge.engine.runner import PlanRunner, Runner
from qc_edge.engine.tensorrt_variants import RTX, ImportedVariant
from qc_edge.settings import EngineSettings


class Toolkit(Protocol):
    """One variant of TensorRT. Tests have twins of it that need no GPU."""

    @property
    def name(self) -> str:
        """Its name in rows: `tensorrt-rtx`."""

    @property
    def version(self) -> str:
        """`10.13.0.35`."""

    @property
    def captures_graphs(self) -> bool:
        """True if its runtime captures CUDA graphs by itself; then nobody else may."""

    def compile_options(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """How to compile for this device by these settings."""

    def compile(
        self, bundle: Bundle, precision: Precision, options: CompileOptions, progress: Progress
    ) -> bytes:
        """A plan of the bundle's model. Raises ModelError, EngineUnavailableError,
        EngineLostError.
        """

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The plan in the runtime, to which addresses are bound next.

        Raises PlanRefusedError, EngineError.
        """


class InstalledToolkit:
    """NVIDIA's own module, whichever variant is installed."""

    def __init__(self, variant: ImportedVariant) -> None:
        self._variant = variant

    @property
    def name(self) -> str:
        """Its name in rows."""
        return self._variant.name

    @property
    def version(self) -> str:
        """The version of the module."""
        return self._variant.version

    @property
    def captures_graphs(self) -> bool:
        """True for TensorRT for RTX: its kernels come into being while it runs."""
        return self._variant.variant is RTX

    def compile_options(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """Compile for the device's compute capability by name, where this variant takes names."""
        targets = (gpu.sm,) if gpu.sm in compile_targets(self._variant) else ()
        return CompileOptions(settings.max_batch, settings.tf32, targets, settings.workspace_mb)

    def compile(
        self, bundle: Bundle, precision: Precision, options: CompileOptions, progress: Progress
    ) -> bytes:
        """A plan of the bundle's model. Raises ModelError, EngineUnavailableError,
        EngineLostError.
        """
        # Not at the top: it needs onnx, which a station with a kept plan does not.
        from qc_edge.engine.precision import convert_model

        return compile_plan(
            self._variant, bundle, convert_model(bundle, precision), options, progress
        )

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The plan in the runtime, to which addresses are bound next.

        Raises PlanRefusedError, EngineError.
        """
        adapter = Adapter(bundle)
        return PlanRunner(
            self._variant,
            plan,
            adapter.input.name,
            adapter.tensor_shape,
            own_graphs=graphs and self.captures_graphs,
            graphs=graphs and not self.captures_graphs,
        )
