"""Everything that only a GPU can show, and one JSON of all figures: `python -m tests.gpu [--soak
S]`.

Exit code 0 if all that could be tried agreed, 1 if something did not, or if there is no NVIDIA GPU:
then nothing is tried and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import Any

from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.engine.tensorrt_variants import VARIANTS, find_variants, has_driver
from qc_edge.engine.toolkit import InstalledToolkit
from qc_edge.errors import EngineUnavailableError, QcEdgeError
from qc_edge.settings.paths import shipped

RESULTS = Path(__file__).resolve().parents[1] / "bench/results"
PACKAGES = (
    "qc-edge",
    "numpy",
    "onnx",
    "onnxruntime",
    "pycuda",
    "tensorrt",
    "tensorrt-cu13",
    "tensorrt-cu12",
    "tensorrt-rtx-cu13-bindings",
    "tensorrt-rtx-cu13-libs",
    "opencv-python-headless",
)


def why_none() -> str:
    """Why there is no NVIDIA GPU to use here; empty if there is one."""
    if not has_driver():
        return "the driver's library libcuda.so.1 cannot be loaded"
    if util.find_spec("pycuda") is None:
        return "there is a driver, but the Python package pycuda is not installed (wheels/ or nvcc)"
    from qc_edge.engine.cuda import open_gpu

    try:
        open_gpu(0).close()
    except QcEdgeError as fault:
        return fault.message
    return ""


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    from qc_edge.engine.cuda import open_gpu

    gpu = open_gpu(0)
    facts = gpu.facts
    gpu.close()
    versions = {}
    for name in PACKAGES:
        if (version := _version(name)) is not None:
            versions[name] = version
    commit = _said("git", "rev-parse", "--short", "HEAD")
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "gpu": facts.name,
        "capability": facts.sm,
        "driver": facts.driver,
        "integrated": facts.integrated,
        "nvidia_smi": _said(
            "nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"
        ),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": versions,
    }


def subjects(directory: Path, refused: dict[str, str]) -> Iterator[Any]:
    """TensorRT in each flavour that runs the reference bundle here, and always the small kernel.

    How the others refuse goes into `refused`.
    """
    from tests.gpu.cells import CELL, CellsToolkit, CellsWork, write_bundle
    from tests.gpu.subject import Subject

    reference = load_bundle("reference@1", [shipped("models")])
    try:
        found, missing = find_variants(VARIANTS)
    except EngineUnavailableError as fault:
        found, missing = [], [str(fault)]
    refused |= {f"missing {number}": words for number, words in enumerate(missing, 1)}
    for each in found:
        toolkit = InstalledToolkit(each)
        subject = Subject(
            each.name,
            reference,
            lambda _, toolkit=toolkit: toolkit,  # type: ignore[misc]
            directory / each.name,
            partial(_tensorrt_work, each.trt, reference.manifest.input.name),
            captures_graphs=toolkit.captures_graphs,
        )
        try:
            with subject.engine():
                pass
        except QcEdgeError as fault:
            refused[each.name] = f"{type(fault).__name__}: {fault}"
            continue
        for file in subject.plans.iterdir():
            file.unlink()
        yield subject
    cells: Bundle = write_bundle(directory / "bundles/cells/1")
    yield Subject(
        "cells-kernel", cells, CellsToolkit, directory / "cells-kernel", CellsWork, cell=CELL
    )


def _tensorrt_work(trt: Any, input_name: str, plan: bytes, size: int, graph: bool) -> Any:
    from tests.gpu.bare import TensorRTWork

    return TensorRTWork(trt, plan, size, input_name, graph=graph)


def main() -> int:
    """Try everything, print as it goes, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument(
        "--soak", type=float, default=60.0, metavar="S", help="seconds of soak (default 60)"
    )
    parser.add_argument(
        "--frames", type=int, default=200, metavar="N", help="rendered frames to compare"
    )
    parser.add_argument(
        "--keep", metavar="NAME", help="write tests/bench/results/NAME.json (default: by GPU)"
    )
    chosen = parser.parse_args()
    if why := why_none():
        print(f"NO NVIDIA GPU: {why}. Nothing was tried.", file=sys.stderr)
        return 1
    from tests.gpu import checks, faults
    from tests.gpu.record import Record

    result: dict[str, Any] = {"machine": machine(), "refused": {}, "subjects": {}, "failed": 0}
    slug = "".join(
        letter if letter.isalnum() else "-" for letter in result["machine"]["gpu"].lower()
    )
    path = RESULTS / f"{chosen.keep or f'gpu-{slug}'}.json"
    record = Record(result, path)
    with tempfile.TemporaryDirectory() as directory:
        tried: list[tuple[str, Callable[[Any], Any]]] = [
            ("builds", checks.builds),
            ("parity", lambda subject: checks.parity(subject, chosen.frames)),
            ("timing", checks.timing),
            ("copies", checks.copies),
            ("memory", checks.memory),
            ("plans", faults.plans),
            ("station", checks.station),
            ("soak", lambda subject: checks.soak(subject, chosen.soak)),
        ]
        others: list[tuple[str, Callable[[Any], Any]]] = [("pytorch", checks.pytorch)]
        for subject in subjects(Path(directory), result["refused"]):
            figures = result["subjects"].setdefault(subject.name, {})
            for name, check in tried + (others if subject.cell else []):
                record.try_out(f"{subject.name}: {name}", figures, name, partial(check, subject))
        record.try_out("faults of the device", result, "faults", faults.device)
    failed = result["failed"]
    for name, words in result["refused"].items():
        print(f"refused: {name}: {words}")
    print(f"{failed} failed; {path}")
    return 1 if failed else 0


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
