"""What is put to the test: a bundle with one way to run it on the GPU, made anew for each check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import BuildContext, Engine, Prepared
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.cuda import CudaGpu, open_gpu
from qc_edge.engine.tensorrt import make
from qc_edge.engine.tensorrt_engine import TensorRTEngine
from qc_edge.engine.toolkit import Toolkit
from qc_edge.rendered import plan_series, render
from qc_edge.settings import EngineSettings
from qc_edge.vision.prepare import prepare
from tests.gpu.bare import BareLoop, Work

SETTINGS = EngineSettings(backend="tensorrt", max_batch=32, plans_kept=16)


@dataclass(frozen=True)
class Subject:
    """`toolkit` is asked for with the GPU in hand. Plans are kept in `plans` from one check to the
    next.
    """

    name: str
    bundle: Bundle
    toolkit: Callable[[CudaGpu], Toolkit]
    plans: Path
    work: Callable[[bytes, int, bool], Work]
    """A plan for one batch size, as a graph or not, by nothing of ours."""
    settings: EngineSettings = SETTINGS
    captures_graphs: bool = False
    """Its runtime captures graphs by itself."""
    cell: int = 0
    """Side of a cell (px) of the small kernel's model; 0: another model."""

    def load(self, bundle: Bundle, settings: EngineSettings, build_context: BuildContext) -> Engine:
        """As a station's loader."""
        gpu = open_gpu(settings.device)
        return make(self.toolkit(gpu), gpu, bundle, settings, self.name, build_context)

    def bare(self, size: int, *, graph: bool) -> BareLoop:
        """The bare loop on the newest plan that is kept. A context must be current."""
        plan = max(self.plans.glob("*.plan"), key=lambda file: file.stat().st_mtime_ns).read_bytes()
        adapter = Adapter(self.bundle)
        shapes = {adapter.input.name: (adapter.tensor_shape, adapter.input.dtype)}
        shapes |= {spec.name: (spec.shapes[0], spec.dtype) for spec in adapter.outputs}
        own = graph and not self.captures_graphs
        return BareLoop(self.work(plan, size, graph), shapes, size, graph=own)

    @contextmanager
    def engine(self, **settings: Any) -> Iterator[TensorRTEngine]:
        """The engine, with these settings in the place of the subject's; closed at the end."""
        wanted = self.settings.model_copy(update=settings)
        gpu = open_gpu(wanted.device)
        try:
            engine = make(
                self.toolkit(gpu), gpu, self.bundle, wanted, self.name, BuildContext(self.plans)
            )
        except BaseException:
            gpu.close()
            raise
        try:
            yield engine
        finally:
            engine.close()


def rendered(count: int) -> Prepared:
    """So many rendered parts, half of them defective, prepared: count x 512 x 512."""
    plan = plan_series(seed=20_261_201, count=count, defect_share=0.5, fault_share=0.0)
    return np.stack([prepare(render(seed, defect).pixels) for seed, defect, _ in plan])


def on_the_cpu(
    bundle: Bundle, frames: Prepared
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Scores (N) and maps (N x h x w) of ONNX Runtime, frame by frame."""
    session = ort.InferenceSession(str(bundle.model_path), providers=["CPUExecutionProvider"])
    names, outputs = bundle.manifest.input.name, bundle.manifest.outputs
    got = [
        session.run([outputs.score, outputs.defect_map], {names: frame[None]}) for frame in frames
    ]
    return np.concatenate([score for score, _ in got]), np.concatenate([plane for _, plane in got])
