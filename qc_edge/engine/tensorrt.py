"""TensorRT on an NVIDIA GPU, in any of its flavours: from host memory to scores over one stream.

Owns the order of the steps; the driver is behind `gpu`, TensorRT behind `toolkit`. Never decides,
and never allocates device or page-locked memory for a frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import BuildContext, Engine, EngineInfo, Prepared, Score
from qc_edge.engine.gpu import Gpu, GpuFacts
from qc_edge.engine.plans import Plan, PlanCache, PlanKey
from qc_edge.engine.runner import PlanRefusedError, Runner
from qc_edge.engine.tensorrt_variants import find
from qc_edge.engine.toolkit import RealToolkit, Toolkit
from qc_edge.errors import EngineError, EngineUnavailableError, ModelError
from qc_edge.service.logs import LOG
from qc_edge.settings import EngineSettings

_TELL_S = 0.5
_WARM_LIMIT_S = 300.0
"""The first work of a batch size may compile kernels."""


def load(
    bundle: Bundle, settings: EngineSettings, reason: str, build_context: BuildContext
) -> Engine:
    """The bundle's model on the GPU `settings.device`, by the first flavour of TensorRT that takes
    both.

    Raises EngineUnavailableError with all that is missing, ModelError if no flavour takes the
    model, EngineLostError if the device fails or its memory is used up.
    """
    found, missing = find()
    from qc_edge.engine.cuda import open_gpu

    gpu = open_gpu(settings.device)
    try:
        return first_that_takes(
            [RealToolkit(each) for each in found],
            missing,
            gpu,
            bundle,
            settings,
            reason,
            build_context,
        )
    except BaseException:
        gpu.close()
        raise


def first_that_takes(
    toolkits: Sequence[Toolkit],
    missing: Sequence[str],
    gpu: Gpu,
    bundle: Bundle,
    settings: EngineSettings,
    reason: str,
    build_context: BuildContext,
) -> Engine:
    """An engine of the first toolkit that takes device and model; why the others do not is in its
    reason.

    Raises ModelError if one was stopped by the model, else EngineUnavailableError, with the words
    of all.
    """
    declined, by_model = list(missing), False
    for toolkit in toolkits:
        try:
            words = "".join(f"; {why}" for why in declined)
            return make(
                toolkit, gpu, bundle, settings, f"{reason} ({toolkit.name}{words})", build_context
            )
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
    recipe, facts = toolkit.recipe(settings, gpu.facts), gpu.facts
    key = PlanKey(
        bundle.sha256,
        toolkit.name,
        toolkit.version,
        facts.name,
        facts.sm,
        facts.driver,
        precision,
        recipe.max_batch,
        recipe.flags,
    )
    cache = PlanCache(build_context.plans, settings.plans_kept)

    def build(why: str) -> tuple[Plan, str]:
        LOG.info("building an engine plan for %s (%s): %s", bundle.reference, toolkit.name, why)
        begun = time.monotonic()
        tell = _progress(build_context, settings.build_limit_s, cache.expected_s(key))
        data = toolkit.compile(bundle, precision, recipe, tell)
        plan, words = cache.keep(key, data, time.monotonic() - begun)
        return plan, f"{words} because {why}"

    kept, words = cache.load(key)
    plan, words = (kept, words) if kept else build(words)
    graphs = settings.cuda_graph
    try:
        runner = toolkit.run(bundle, plan.data, graphs)
    except PlanRefusedError as fault:
        cache.forget(key)
        if kept is None:
            raise _refuses_its_own(fault, facts) from fault
        plan, words = build(f"the kept plan was refused: {fault.message}")
        try:
            runner = toolkit.run(bundle, plan.data, graphs)
        except PlanRefusedError as again:
            cache.forget(key)
            raise _refuses_its_own(again, facts) from again
    info = EngineInfo(
        backend=toolkit.name,
        version=toolkit.version,
        device=str(facts),
        reason=f"{reason}; {', '.join((precision, *recipe.flags))}; {words}",
        plan_sha256=plan.sha256,
        max_batch=recipe.max_batch,
    )
    build_context.tell("warming up the engine", _WARM_LIMIT_S)
    try:
        return TensorRTEngine(gpu, runner, bundle, info, graphs and not toolkit.records_itself)
    except BaseException:
        runner.close()  # while its context is there
        raise


class TensorRTEngine:
    """A plan with its buffers. Used by one thread, the one whose context `gpu` is."""

    def __init__(
        self, gpu: Gpu, runner: Runner, bundle: Bundle, info: EngineInfo, records: bool
    ) -> None:
        """Takes `gpu` and `runner` over. Runs each batch size once: no frame pays for a first time.

        `records`: the work of each size becomes a CUDA graph.
        """
        self._gpu: Gpu | None = gpu
        self._runner = runner
        self._info = info
        manifest, most = bundle.manifest, info.max_batch
        self._frames = gpu.pair((most, *bundle.input_shape), np.uint8)
        self._scores = gpu.pair((most,), np.float32)
        self._maps = gpu.pair((most, *manifest.outputs.map_shape), np.float32)
        runner.bind(manifest.input.name, self._frames.device)
        runner.bind(manifest.outputs.score, self._scores.device)
        runner.bind(manifest.outputs.defect_map, self._maps.device)
        self._sizes = batch_sizes(most)
        self._work: dict[int, Callable[[], None]] = {}
        for size in self._sizes:
            self._work[size] = lambda size=size: self._pass(gpu, size)  # type: ignore[misc]
            self._work[size]()
            gpu.wait()
            if records:
                self._work[size] = gpu.record(self._work[size])

    @property
    def info(self) -> EngineInfo:
        """Which engine this is and why it was taken."""
        return self._info

    def infer(self, prepared: Prepared) -> list[Score]:
        """One Score for each of the N prepared frames (N x H x W, uint8), in order.

        More than `max_batch` are taken in turns. Raises EngineError if TensorRT refuses the work,
        EngineLostError if the device fails; then no score of these frames is given.
        """
        gpu = self._gpu
        if gpu is None:
            raise EngineError("the TensorRT engine is closed", hint="load it again")
        shape = self._frames.host.shape
        if prepared.shape[1:] != shape[1:] or prepared.dtype != np.uint8:
            raise EngineError(
                f"prepared frames are {prepared.dtype} {prepared.shape}, expected uint8 (N, "
                f"{shape[1]}, "
                f"{shape[2]})",
                hint="the model of this bundle needs its own preprocessing",
            )
        scores: list[Score] = []
        for start in range(0, len(prepared), shape[0]):
            scores += self._scored(gpu, prepared[start : start + shape[0]])
        return scores

    def close(self) -> None:
        """Free the plan, the buffers and the context. May be called twice."""
        gpu, self._gpu = self._gpu, None
        if gpu is not None:
            self._work.clear()
            self._runner.close()
            del (
                self._frames,
                self._scores,
                self._maps,
            )  # freed while their context is there
            gpu.close()

    def _scored(self, gpu: Gpu, frames: Prepared) -> list[Score]:
        count = len(frames)
        size = next(size for size in self._sizes if size >= count)
        self._frames.host[:count] = frames
        self._work[size]()
        gpu.wait()
        values, maps = self._scores.host[:count].tolist(), self._maps.host[:count].copy()
        return [Score(value, defect_map) for value, defect_map in zip(values, maps, strict=True)]

    def _pass(self, gpu: Gpu, size: int) -> None:
        """All of it on the stream: in, through the model, out. Done once the stream is."""
        gpu.upload(self._frames, size)
        self._runner.enqueue(size, gpu.stream)
        gpu.download(self._scores, size)
        gpu.download(self._maps, size)


def batch_sizes(most: int) -> tuple[int, ...]:
    """1, 2, 4 ... and `most`: what is ever run. A batch in between is filled up with what was there
    before.

    Few sizes, so that each can be run once before the first frame comes.
    """
    return tuple(
        sorted({*(1 << power for power in range(most.bit_length()) if 1 << power < most), most})
    )


def _refuses_its_own(fault: PlanRefusedError, facts: GpuFacts) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"{fault.message}; it was made just now, for {facts}",
        "this TensorRT does not fit the GPU or its driver: install another, or set engine.backend "
        '= "onnx"',
    )


def _progress(
    build_context: BuildContext, limit_s: float, expected_s: float | None
) -> Callable[[str], bool]:
    """Tells the site how far a build is, at most twice a second; False once nobody waits for it."""
    begun, told = time.monotonic(), -_TELL_S
    expected = (
        "no build here yet to compare with"
        if expected_s is None
        else f"expected ~{expected_s:.0f} s"
    )

    def tell(phase: str) -> bool:
        nonlocal told
        passed = time.monotonic() - begun
        if passed - told >= _TELL_S:
            told = passed
            build_context.tell(
                f"building engine plan, {expected}, {passed:.0f} s so far: {phase}", limit_s
            )
        return not build_context.stopping()

    tell("reading the model")
    return tell
