"""Faults of the device and of plans. Those that end a context run in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pycuda.driver as cuda

from qc_edge.engine.cuda import open_gpu
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineError, EngineLostError
from tests.gpu.cells import CellsToolkit, CellsWork, compiled, write_bundle
from tests.gpu.subject import Subject, rendered

ALONE = ("out_of_memory", "lost", "after_it_was_lost", "no_such_device")


def plans(subject: Subject) -> dict[str, str]:
    """Torn, emptied and refused plans are each replaced, and the reason says so."""
    said = {}
    batch = f'"max_batch": {subject.settings.max_batch}'
    note = next(file for file in subject.plans.glob("*.json") if batch in file.read_text())
    plan = note.with_suffix(".plan")
    whole = plan.read_bytes()

    def garbled() -> None:
        import hashlib

        plan.write_bytes(bytes(1000))
        about = json.loads(note.read_text()) | {"sha256": hashlib.sha256(bytes(1000)).hexdigest()}
        note.write_text(json.dumps(about))

    damages = {
        "torn": lambda: plan.write_bytes(whole[: len(whole) // 2]),
        "emptied": lambda: plan.write_bytes(b""),
        "refused by the runtime": garbled,
    }
    for name, damage in damages.items():
        damage()
        with subject.engine() as engine:
            self_test(engine, subject.bundle)
            said[name] = engine.info.reason
        assert "made here in" in said[name], said[name]
        assert "the kept plan" in said[name], said[name]
    return said


def device() -> dict[str, Any]:
    """Each fault of ALONE in a process of its own: what it raised."""
    told = {}
    for name in ALONE:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.gpu.faults", name],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, f"{name}: {ran.stderr}"
        told[name] = json.loads(ran.stdout.splitlines()[-1])
    return told


def _out_of_memory() -> str:
    gpu = open_gpu(0)
    free = int(cuda.mem_get_info()[0])
    try:
        gpu.allocate((free + 1_000_000_000,), np.uint8)
    except EngineLostError as fault:
        gpu.close()
        assert fault.exit_code == 70
        return str(fault)
    raise AssertionError("memory beyond what is free was given")


def _lost() -> str:
    with tempfile.TemporaryDirectory() as directory:
        bundle = write_bundle(Path(directory) / "cells/1")
        subject = Subject("lost", bundle, CellsToolkit, Path(directory) / "plans", CellsWork)
        frames = rendered(1)
        said = []
        with subject.engine() as engine:
            engine.infer(frames)
            gpu = engine._gpu
            assert gpu is not None
            stray = cuda.module_from_buffer(compiled(gpu.facts)).get_function("stray")
            stray.prepare("P")
            stray.prepared_async_call((1, 1), (1, 1, 1), gpu._stream, 0)  # type: ignore[attr-defined]
            for _ in range(2):
                try:
                    engine.infer(frames)
                except EngineLostError as fault:
                    said.append(str(fault))
        assert len(said) == 2, f"scores were given after the fault: {said}"
        return said[0]


def _after_it_was_lost() -> str:
    with tempfile.TemporaryDirectory() as directory:
        bundle = write_bundle(Path(directory) / "cells/1")
        plans = Path(directory) / "plans"
        with Subject("again", bundle, CellsToolkit, plans, CellsWork).engine() as engine:
            self_test(engine, bundle)
            return f"a fresh process scores the golden frames: {engine.info.device}"


def _no_such_device() -> str:
    try:
        open_gpu(15)
    except EngineError as fault:
        return str(fault)
    raise AssertionError("device 15 was opened")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[f"_{sys.argv[1]}"]()) + "\n")
