"""The backend `tensorrt`: an engine from a kept plan, or from one that is compiled now.

Owns the choice of the TensorRT variant and of the plan; scoring is `tensorrt_engine`, the driver is
behind `gpu`, TensorRT behind `toolkit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import BuildContext, Engine, EngineInfo
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.gpu import Gpu, GpuFacts
from qc_edge.engine.plans import Plan, PlanCache, PlanKey
from qc_edge.engine.runner import PlanRefusedError, Runner
from qc_edge.engine.tensorrt_engine import TensorRTEngine
from qc_edge.engine.tensorrt_variants import find_variants
from qc_edge.engine.toolkit import InstalledToolkit, Toolkit
from qc_edge.errors import EngineUnavailableError, ModelError
from qc_edge.service.logs import LOG
from qc_edge.settings import EngineSettings

_REPORT_EVERY_S = 0.5
_WARM_UP_LIMIT_S = 300.0
"""The first work of a batch size may compile kernels."""


def load(
    bundle: Bundle, settings: EngineSettings, reason: str, build_context: BuildContext
) -> Engine:
    """The bundle's model on the GPU `settings.device`, by the first TensorRT that takes both.

    Raises EngineUnavailableError with all that is missing, ModelError if no variant takes the
    model, EngineLostError if the device fails or its memory is used up.
    """
    variants, missing = find_variants()
    # Not at the top: the import needs pycuda and the driver, which `find_variants` has checked.
    from qc_edge.engine.cuda import open_gpu

    gpu = open_gpu(settings.device)
    try:
        toolkits = [InstalledToolkit(variant) for variant in variants]
        return load_first_supported(toolkits, missing, gpu, bundle, settings, reason, build_context)
    except BaseException:
        gpu.close()
        raise


def load_first_supported(
    toolkits: Sequence[Toolkit],
    missing: Sequence[str],
    gpu: Gpu,
    bundle: Bundle,
    settings: EngineSettings,
    reason: str,
    build_context: BuildContext,
) -> Engine:
    """An engine of the first toolkit that takes both the device and the model.

    `missing` says why other variants are not among `toolkits`; why a toolkit was passed over is in
    the engine's reason, too. Raises ModelError if the model stopped one of them, else
    EngineUnavailableError, with the messages of all.
    """
    declined, by_model = list(missing), False
    for toolkit in toolkits:
        try:
            why = f"{reason} ({'; '.join((toolkit.name, *declined))})"
            return make(toolkit, gpu, bundle, settings, why, build_context)
        except (EngineUnavailableError, ModelError) as fault:
            declined.append(fault.message)
            by_model = by_model or isinstance(fault, ModelError)
            hint = fault.hint
    raise (ModelError if by_model else EngineUnavailableError)("; ".join(declined), hint)


def make(
    toolkit: Toolkit,
    gpu: Gpu,
    bundle: Bundle,
    settings: EngineSettings,
    reason: str,
    build_context: BuildContext,
) -> TensorRTEngine:
    """The engine, from a kept plan if it is whole and fits, else from one that is built now.

    Raises ModelError, EngineUnavailableError, EngineLostError, EngineError.
    """
    precision = (
        bundle.manifest.engine.precision if settings.precision == "bundle" else settings.precision
    )
    adapter = Adapter(bundle)
    if adapter.batch is not None:
        settings = settings.model_copy(update={"max_batch": adapter.batch})
    options, facts = toolkit.compile_options(settings, gpu.facts), gpu.facts
    key = PlanKey(
        model_sha256=bundle.sha256,
        flavour=toolkit.name,
        version=toolkit.version,
        gpu=facts.name,
        capability=facts.sm,
        driver=facts.driver,
        precision=precision,
        max_batch=options.max_batch,
        flags=(*options.flags, *_output_flags(bundle, adapter)),
    )
    cache = PlanCache(build_context.plans, settings.plans_kept)

    def build(why: str) -> tuple[Plan, str]:
        LOG.info("building an engine plan for %s (%s): %s", bundle.reference, toolkit.name, why)
        begun = time.monotonic()
        progress = _progress(build_context, settings.build_limit_s, cache.expected_s(key))
        data = toolkit.compile(bundle, precision, options, progress)
        plan, origin = cache.keep(key, data, time.monotonic() - begun)
        return plan, f"{origin} because {why}"

    plan, origin, runner = _loaded_plan(
        toolkit, cache, key, bundle, facts, settings.cuda_graph, build
    )
    info = EngineInfo(
        backend=toolkit.name,
        version=toolkit.version,
        device=str(facts),
        reason=f"{reason}; {', '.join((precision, *options.flags))}; {origin}",
        plan_sha256=plan.sha256,
        max_batch=options.max_batch,
    )
    build_context.report("warming up the engine", _WARM_UP_LIMIT_S)
    captures = settings.cuda_graph and not toolkit.captures_graphs
    try:
        return TensorRTEngine(gpu, runner, adapter, info, captures)
    except BaseException:
        # A plan is freed while the context that it was loaded in is there: `load` closes the GPU.
        runner.close()
        raise


def _output_flags(bundle: Bundle, adapter: Adapter) -> tuple[str, ...]:
    """The part of a plan's key that says which outputs it has: two bundles may ask one model for
    different ones. Nothing without a declared adapter, so that kept plans stay valid.
    """
    if bundle.manifest.adapter is None:
        return ()
    return (f"outputs {', '.join(spec.name for spec in adapter.outputs)}",)


def _loaded_plan(
    toolkit: Toolkit,
    cache: PlanCache,
    key: PlanKey,
    bundle: Bundle,
    facts: GpuFacts,
    graphs: bool,
    build: Callable[[str], tuple[Plan, str]],
) -> tuple[Plan, str, Runner]:
    """The plan in the runtime, and where it is from in words.

    A kept plan that the runtime refuses is built once more: drivers are updated, files move
    between boxes. One that was built just now and is refused means that TensorRT does not fit.
    """
    kept, origin = cache.load(key)
    if kept is not None:
        try:
            return kept, origin, toolkit.load_plan(bundle, kept.data, graphs)
        except PlanRefusedError as fault:
            cache.forget(key)
            origin = f"the kept plan was refused: {fault.message}"
    plan, origin = build(origin)
    try:
        return plan, origin, toolkit.load_plan(bundle, plan.data, graphs)
    except PlanRefusedError as fault:
        cache.forget(key)
        raise EngineUnavailableError(
            f"{fault.message}; it was made just now, for {facts}",
            "this TensorRT does not fit the GPU or its driver: install another, or set "
            'engine.backend = "onnx"',
        ) from fault


def _progress(
    build_context: BuildContext, limit_s: float, expected_s: float | None
) -> Callable[[str], bool]:
    """Reports how far a build is, at most twice a second; False once nobody waits for it."""
    begun, reported = time.monotonic(), -_REPORT_EVERY_S
    expected = (
        "no build here yet to compare with"
        if expected_s is None
        else f"expected ~{expected_s:.0f} s"
    )

    def report(phase: str) -> bool:
        nonlocal reported
        passed = time.monotonic() - begun
        if passed - reported >= _REPORT_EVERY_S:
            reported = passed
            build_context.report(
                f"building engine plan, {expected}, {passed:.0f} s so far: {phase}", limit_s
            )
        return not build_context.is_stopping()

    report("reading the model")
    return report
