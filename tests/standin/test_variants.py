"""Every name of TensorRT's Python API that the engine uses is there in TensorRT 10, 11 and for
RTX.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.engine import compiler, runner
from qc_edge.engine.tensorrt_variants import RTX
from tests.quality.tools import REPOSITORY

pytestmark = [
    pytest.mark.standin,
    pytest.mark.serial,
    pytest.mark.skipif(
        RTX.module() is None,
        reason="TensorRT for RTX is not installed: pip install 'qc-edge[compile]' (x86-64)",
    ),
]

VERSIONS = ("10.3.0", "10.16.1.11", "11.4.0.106")
ONLY_RTX = {
    "ComputeCapability",
    "num_compute_capabilities",
    "set_compute_capability",
    "create_runtime_config",
    "cuda_graph_strategy",
    "CudaGraphStrategy",
    "WHOLE_GRAPH_CAPTURE",
    "dynamic_shapes_kernel_specialization_strategy",
    "DynamicShapesKernelSpecializationStrategy",
    "EAGER",
}
"""Used only where the variant is RTX, or looked for before."""
NAMES = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
things = [module, *(each for each in vars(module).values() if isinstance(each, type))]
print(json.dumps([module.__version__, sorted({name for each in things for name in dir(each)})]))
"""
MADE = """
import tensorrt_bindings as trt
from qc_edge.engine.compiler import _monitor, error_listener
heard = error_listener(trt)
heard.log(trt.ILogger.ERROR, "a  fault")
heard.log(trt.ILogger.WARNING, "no fault")
assert heard.faults == ["a fault"], heard.faults
assert not _monitor(trt, lambda words: False).step_complete("phase", 1)
assert 0 <= int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED) < 8
"""


DECLINED = """
import ctypes
from qc_edge.engine import load_engine
from qc_edge.bundles.bundle import load_bundle
from qc_edge.engine.self_test import self_test
from qc_edge.settings import EngineSettings
from qc_edge.settings.paths import shipped
bundle = load_bundle("reference@1", [shipped("models")])
engine = load_engine(bundle, EngineSettings(backend="auto", threads=1))
self_test(engine, bundle)
print(engine.info.backend, engine.info.reason)
driver = ctypes.CDLL("libcuda.so.1")
kinds = b"device memory", b"host memory", b"streams", b"contexts", b"contexts on this thread"
left = [driver.standin_left(kind) for kind in kinds]
assert left == [0] * 5, left
"""


def in_a_python(program: str, module: str, directory: Path | None = None) -> str:
    """What it prints, with the TensorRT of this directory."""
    extra = (
        {}
        if directory is None
        else {"PYTHONPATH": str(directory), "LD_LIBRARY_PATH": str(directory)}
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, module],
        env=os.environ | extra,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def directory_of(version: str) -> Path:
    """Where `build.sh` has put it."""
    return Path(os.environ["PYTHONPATH"]) / f"tensorrt-{version}"


@pytest.fixture(scope="module")
def used() -> set[str]:
    """The names of TensorRT for RTX that stand in the two files which talk to TensorRT."""
    _, known = json.loads(in_a_python(NAMES, str(RTX.module())))
    files = [Path(str(module.__file__)) for module in (compiler, runner)]
    nodes = [
        node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)} & set(known)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_name_that_is_used_is_missing(used: set[str], version: str) -> None:
    assert {
        "execute_async_v3",
        "set_tensor_address",
        "build_serialized_network",
        "STRONGLY_TYPED",
    } <= used
    found, known = json.loads(in_a_python(NAMES, "tensorrt_bindings", directory_of(version)))
    assert found == version
    assert used - set(known) <= ONLY_RTX


@pytest.mark.parametrize("version", VERSIONS)
def test_its_logger_and_monitor_can_be_ours(version: str) -> None:
    in_a_python(MADE, "tensorrt_bindings", directory_of(version))


def test_the_real_tensorrt_on_a_driver_that_is_not_enough_for_it_is_declined_in_its_own_words() -> (
    None
):
    said = in_a_python(DECLINED, "")
    assert said.startswith("onnx-cpu auto: onnx; not tensorrt: ")
    assert "tensorrt is not installed" in said
    assert (
        "does not take the plan: IRuntime::deserializeCudaEngine: Error Code 1: Cuda Runtime"
        in said
    )
    assert "it was made just now, for Stand-in, compute capability 8.9" in said


def test_the_versions_are_those_that_are_brought() -> None:
    script = (REPOSITORY / "tests/standin/build.sh").read_text(encoding="utf-8")
    assert f"TENSORRT=({' '.join(VERSIONS)})" in script
