"""A small CUDA kernel in the place of TensorRT: context, buffers, streams and faults where TensorRT
refuses.

The same model stands in its bundle as ONNX (the mean of each cell, the brightest cell), so that its
scores and maps are held against ONNX Runtime like those of a real model.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
import pycuda.compiler
import pycuda.driver as cuda
from onnx import TensorProto, helper, numpy_helper

from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.compiler import Progress
from qc_edge.engine.cuda import CudaGpu
from qc_edge.engine.gpu import GpuFacts
from qc_edge.engine.plans import CompileOptions
from qc_edge.engine.runner import PlanRefusedError, Runner
from qc_edge.rendered import render
from qc_edge.settings import EngineSettings
from qc_edge.vision.prepare import prepare, preprocess_id

SIDE, CELL = 512, 8
MAP = SIDE // CELL

SOURCE = """
extern "C" __global__ void cells(const unsigned char *frames, float *maps, int side, int cell) {
    int wide = side / cell, x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x >= wide) return;
    const unsigned char *frame = frames + (size_t)blockIdx.z * side * side;
    int sum = 0;
    for (int j = 0; j < cell; ++j)
        for (int i = 0; i < cell; ++i) sum += frame[(y * cell + j) * side + x * cell + i];
    maps[(size_t)blockIdx.z * wide * wide + y * wide + x] = sum / 64.0f * (1.0f / 255.0f);
}
extern "C" __global__ void worst(const float *maps, float *scores, int count) {
    __shared__ float best[256];
    float most = 0.0f;
    for (int i = threadIdx.x; i < count; i += blockDim.x)
        most = fmaxf(most, maps[(size_t)blockIdx.x * count + i]);
    best[threadIdx.x] = most;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            best[threadIdx.x] = fmaxf(best[threadIdx.x], best[threadIdx.x + half]);
        __syncthreads();
    }
    if (threadIdx.x == 0) scores[blockIdx.x] = best[0];
}
extern "C" __global__ void stray(float *nowhere) { nowhere[(size_t)1 << 44] = 1.0f; }
"""
"""`stray` writes where nothing is: the fault after which a context is of no more use."""


BROUGHT = Path(__file__).resolve().parents[2] / "wheels/cells.ptx"
"""The kernels as `bring.sh` compiles them, for any driver to finish: a machine may have no nvcc."""


def compiled(facts: GpuFacts) -> bytes:
    """The kernels as machine code of this GPU, by nvcc, else as they were brought. Raises pycuda's
    CompileError.
    """
    if shutil.which("nvcc") is None and BROUGHT.exists():
        return BROUGHT.read_bytes() + b"\0"
    return bytes(
        pycuda.compiler.compile(
            SOURCE, arch=facts.sm.lower().replace("sm", "sm_"), no_extern_c=True
        )
    )


class CellsRunner:
    """The kernels on the engine's buffers. See `qc_edge.engine.runner.Runner`."""

    def __init__(self, plan: bytes, bundle: Bundle, stream: Any) -> None:
        self._stream = stream
        try:
            self._module: Any = cuda.module_from_buffer(plan)
        except cuda.Error as fault:
            raise PlanRefusedError(
                f"the driver does not take the kernels: {fault}", "they are made anew"
            ) from fault
        self._cells, self._worst = (
            self._module.get_function("cells"),
            self._module.get_function("worst"),
        )
        self._cells.prepare("PPii")
        self._worst.prepare("PPi")
        adapter = Adapter(bundle)
        self._names = (adapter.input.name, *(spec.name for spec in adapter.outputs))
        self._at: dict[str, int] = {}

    def bind(self, name: str, address: int) -> None:
        """Noted."""
        self._at[name] = address

    def enqueue(self, batch: int, stream: int) -> None:
        """Two kernels, one after the other."""
        assert stream == self._stream.handle
        frames, scores, maps = (self._at[name] for name in self._names)
        self._cells.prepared_async_call(
            (1, MAP, batch), (MAP, 1, 1), self._stream, frames, maps, SIDE, CELL
        )
        self._worst.prepared_async_call(
            (batch, 1), (256, 1, 1), self._stream, maps, scores, MAP * MAP
        )

    def close(self) -> None:
        """Unload."""
        self._module = self._cells = self._worst = None


class CellsWork:
    """The same kernels for the bare loop. See `tests.gpu.bare.Work`."""

    def __init__(self, plan: bytes, size: int, graph: bool) -> None:
        module = cuda.module_from_buffer(plan)
        self._kept = module
        self._cells, self._worst = module.get_function("cells"), module.get_function("worst")
        self._cells.prepare("PPii")
        self._worst.prepare("PPi")
        self._at: dict[str, int] = {}

    def bind(self, name: str, address: int) -> None:
        """Noted."""
        self._at[name] = address

    def enqueue(self, batch: int, stream: Any) -> None:
        """Two kernels, one after the other."""
        at = self._at
        self._cells.prepared_async_call(
            (1, MAP, batch), (MAP, 1, 1), stream, at["prepared"], at["defect_map"], SIDE, CELL
        )
        self._worst.prepared_async_call(
            (batch, 1), (256, 1, 1), stream, at["defect_map"], at["score"], MAP * MAP
        )


class CellsToolkit:
    """Compiles and runs the kernels. See `qc_edge.engine.toolkit.Toolkit`."""

    name = "cells-kernel"
    captures_graphs = False

    def __init__(self, gpu: CudaGpu) -> None:
        self._gpu = gpu
        self.version = f"CUDA {'.'.join(map(str, cuda.get_version()))}"

    def compile_options(self, settings: EngineSettings, gpu: GpuFacts) -> CompileOptions:
        """For this GPU."""
        return CompileOptions(settings.max_batch, settings.tf32, (gpu.sm,))

    def compile(
        self, bundle: Bundle, precision: Precision, options: CompileOptions, progress: Progress
    ) -> bytes:
        """By nvcc."""
        progress("nvcc 1/1")
        return compiled(self._gpu.facts)

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The kernels on this GPU's stream."""
        return CellsRunner(plan, bundle, self._gpu._stream)


def write_bundle(directory: Path) -> Bundle:
    """The bundle `cells@1`: the kernels' model as ONNX, and golden frames scored by ONNX
    Runtime.
    """
    (directory / "golden").mkdir(parents=True)
    model = _model()
    (directory / "model.onnx").write_bytes(model)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    frames = []
    for seed in range(4):
        # darkened, so that scores differ
        prepared = np.asarray(prepare(render(seed).pixels) // (seed + 1), np.uint8)
        cv2.imwrite(str(directory / f"golden/{seed}.png"), prepared)
        score = session.run(["score"], {"prepared": prepared[None]})[0]
        frames.append({"file": f"{seed}.png", "shows": "good", "score": float(score[0])})
    golden = {"engine": f"onnxruntime {ort.__version__}", "coarse": 1, "frames": frames}
    (directory / "golden/golden.json").write_text(json.dumps(golden))
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    digests = "\n".join(
        f'"{path.relative_to(directory)}" = "{hashlib.sha256(path.read_bytes()).hexdigest()}"'
        for path in files
    )
    (directory / "bundle.toml").write_text(
        _MANIFEST.format(preprocess=preprocess_id(), files=digests)
    )
    return open_bundle(directory)


def _model() -> bytes:
    scale = numpy_helper.from_array(np.float32(1 / 255).reshape(1), "scale")
    planes = numpy_helper.from_array(np.array([-1, 1, SIDE, SIDE], np.int64), "planes")
    flat = numpy_helper.from_array(np.array([-1, MAP, MAP], np.int64), "flat")
    nodes = [
        helper.make_node("Cast", ["prepared"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["grey", "planes"], ["images"]),
        helper.make_node(
            "AveragePool", ["images"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]
        ),
        helper.make_node("Mul", ["pooled", "scale"], ["shares"]),
        helper.make_node("Reshape", ["shares", "flat"], ["defect_map"]),
        helper.make_node("ReduceMax", ["defect_map"], ["score"], axes=[1, 2], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "cells",
        [helper.make_tensor_value_info("prepared", TensorProto.UINT8, ["N", SIDE, SIDE])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("defect_map", TensorProto.FLOAT, ["N", MAP, MAP]),
        ],
        [scale, planes, flat],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="qc-edge"
    )
    model.ir_version = 8
    return bytes(model.SerializeToString())


_MANIFEST = """\
name = "cells"
version = "1"
created = 2026-01-01
licence = "Apache-2.0"
description = "the brightest cell, for machines on which TensorRT does not run"
[input]
name = "prepared"
shape = [512, 512]
dtype = "uint8"
preprocess = "{preprocess}"
[outputs]
score = "score"
score_means = "the mean of the brightest cell"
defect_map = "defect_map"
map_shape = [64, 64]
[decision]
threshold = 0.5
review_band = 0.1
tolerance = 0.001
[training]
data = "none"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[approved]
by = "qc-edge maintainers"
at = 2026-01-01
[files]
{files}
"""
