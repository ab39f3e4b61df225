"""Whether TensorRT compiles a bundle's model, told when it is packed and not on the line."""

from __future__ import annotations

from collections.abc import Sequence

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine.offline_build import build_offline
from qc_edge.errors import EngineUnavailableError, ModelError

_BATCH = 8


def compiled_ahead(bundle: Bundle, targets: Sequence[str], directory: str) -> str:
    """In words what came of it for each of `targets` (`sm89`), and what was not done; `directory`
    is where the bundle will be. A model that TensorRT refuses still runs on the CPU.

    Raises UsageError for a target that the compiler does not know.
    """
    how = f"qc-edge engine build {directory} --for {','.join(targets) or 'sm89'}"
    if not targets:
        return f"not compiled with TensorRT, as was said; {how} tells whether it compiles"
    precision = bundle.manifest.engine.precision
    try:
        plans = list(build_offline(bundle, targets, precision, _BATCH))
    except EngineUnavailableError as fault:
        return (
            f"not compiled with TensorRT, so whether a GPU takes it is not known: {fault} "
            f"({fault.hint}); then: {how}"
        )
    except ModelError as fault:
        return f"TensorRT does not compile it, a station with a GPU needs it on the CPU: {fault}"
    told = ", ".join(
        f"{each.target} in {each.seconds:.1f} s ({len(each.data) / 1e6:.1f} MB)" for each in plans
    )
    return (
        f"{plans[0].compiler} compiles it: {told}, {precision}; what a plan scores, a station with "
        "that GPU proves on the golden frames"
    )
