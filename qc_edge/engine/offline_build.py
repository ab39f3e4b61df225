"""Compiling a bundle offline, without a GPU, by TensorRT for RTX. Never runs a plan.

Other TensorRT variants compile only for the GPU that they find.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.compiler import compile_plan, compile_targets
from qc_edge.engine.plans import CompileOptions
from qc_edge.engine.precision import convert_model
from qc_edge.engine.tensorrt_variants import ImportedVariant, find_compiler
from qc_edge.errors import UsageError


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A plan for one compute capability (`sm89`): what compiled it, and in how many seconds."""

    target: str
    compiler: str
    precision: Precision
    max_batch: int
    data: bytes
    seconds: float

    @property
    def sha256(self) -> str:
        """Hex digest of the plan."""
        return hashlib.sha256(self.data).hexdigest()


def build_offline(
    bundle: Bundle,
    targets: Sequence[str],
    precision: Precision,
    max_batch: int,
    *,
    tf32: bool = False,
) -> Iterator[BuiltPlan]:
    """A plan of the bundle's model for each of `targets` (`sm89`), as they get ready.

    Raises UsageError for a target that the compiler does not know, EngineUnavailableError if there
    is no compiler here, ModelError if the model cannot be parsed or compiled.
    """
    variant = find_compiler()
    names = [_check_target(variant, target) for target in targets]
    model = convert_model(bundle, precision)
    for name in names:
        begun = time.monotonic()
        data = compile_plan(
            variant, bundle, model, CompileOptions(max_batch, tf32, (name,)), lambda _: True
        )
        yield BuiltPlan(
            name.lower(),
            f"{variant.name} {variant.version}",
            precision,
            max_batch,
            data,
            time.monotonic() - begun,
        )


def _check_target(variant: ImportedVariant, target: str) -> str:
    """The name of `target` as TensorRT has it. Raises UsageError if it does not compile for it."""
    targets = compile_targets(variant)
    name = target.strip().upper()
    if name not in targets:
        raise UsageError(
            f"{variant.name} {variant.version} does not compile for {target!r}",
            f"it knows {', '.join(map(str.lower, targets))}; sm89 is compute capability 8.9",
        )
    return name
