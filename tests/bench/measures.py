"""What is measured. Each function runs in a process of its own and returns plain figures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import duckdb
import numpy as np
import numpy.typing as npt

from qc_edge.rendered import DefectKind, render
from qc_edge.service.lock import holder_of
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped
from qc_edge.setup.new_station import parse_camera, provision
from tests.bench.log import NAME
from tests.bench.loops import PlainLoop, TunedLoop
from tests.bench.station import fill_spool, make_station, run_station

MODEL = shipped("models") / "reference/1/model.onnx"
STEPS = ("wait", "read", "gates", "prepare", "infer", "evidence")

Figures = dict[str, float]
Size = tuple[int, int]


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory on the disk that the benchmark runs on (not a tmpfs), removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=Path.cwd()))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _station(laid: Path | None) -> Iterator[StationPaths]:
    """The station that was laid there before, or a fresh one."""
    if laid:
        yield StationPaths(laid, NAME)
    else:
        with scratch() as root:
            yield make_station(root)


def frames_of(size: Size, count: int = 12) -> list[npt.NDArray[np.uint8]]:
    """Good rendered parts of that size."""
    return [render(seed, size=size).pixels for seed in range(count)]


def plain_loops(size: Size, seconds: float) -> Figures:
    """Rates of the plain loop on PNG and on uncompressed files, and its bare compute per frame
    (ms).
    """
    loop, frames = PlainLoop(MODEL), frames_of(size)
    with scratch() as directory:
        files: dict[str, list[Path]] = {"png": [], "pgm": []}
        for index, pixels in enumerate(frames):
            for kind, paths in files.items():
                paths.append(directory / f"{index:03d}.{kind}")
                cv2.imwrite(str(paths[-1]), pixels)
        rates = {f"plain_{kind}_fps": loop.rate(paths, seconds) for kind, paths in files.items()}
    compute = loop.compute_ms(frames, 10)
    return {**rates, "compute_p50_ms": float(np.percentile(compute, 50))}


def tuned_loop(size: Size, seconds: float) -> Figures:
    """Rate of the tuned loop on uncompressed files, one frame and four at once, and the better."""
    with scratch() as directory:
        files = [directory / f"{index:03d}.pgm" for index in range(12)]
        for path, pixels in zip(files, frames_of(size), strict=True):
            cv2.imwrite(str(path), pixels)
        rates = {
            f"tuned_{batch}_fps": TunedLoop(MODEL, size, batch).rate(files, seconds)
            for batch in (1, 4)
        }
    return {**rates, "tuned_fps": max(rates.values())}


def same_verdicts(size: Size) -> Figures:
    """How many frames, good and defective, the station and the tuned loop have judged alike; raises
    RuntimeError where a score or a verdict differs.
    """
    frames = frames_of(size, 8)
    frames += [render(seed, DefectKind.PIT, size=size).pixels for seed in range(20, 28)]
    with scratch() as root:
        paths = make_station(root)
        fill_spool(paths, frames, len(frames))
        run_station(root, len(frames))
        with duckdb.connect(str(paths.database), read_only=True) as log:
            asked = "SELECT score, verdict, threshold FROM inspections ORDER BY frame_id"
            rows = log.execute(asked).fetchall()
        files = [root / f"{index:03d}.pgm" for index in range(len(frames))]
        for path, pixels in zip(files, frames, strict=True):
            cv2.imwrite(str(path), pixels)
        for batch in (1, 4):
            for mine, row in zip(TunedLoop(MODEL, size, batch).scores(files), rows, strict=True):
                score, verdict, threshold = row
                own = "INVALID" if mine is None else "FAIL" if mine >= threshold else "PASS"
                if own != verdict or (mine is not None and abs(mine - score) > 1e-5):
                    raise RuntimeError(f"the tuned loop says {own} ({mine}), the log {row}")
    return {"tuned_same_verdicts": len(frames), "tuned_fails": sum(r[1] == "FAIL" for r in rows)}


def drain(size: Size, count: int) -> Figures:
    """Rate at which a full spool is inspected, over all, and at its start and end."""
    with scratch() as root:
        paths = make_station(root)
        fill_spool(paths, frames_of(size), count)
        watch = run_station(root, count)
        tenth = max(20, count // 10)
        gaps = np.diff(watch.at) * 1e3
        return {
            "fps": watch.rate(),
            "first_tenth_fps": (tenth - 1) / (watch.at[tenth - 1] - watch.at[0]),
            "last_tenth_fps": (tenth - 1) / (watch.at[-1] - watch.at[-tenth]),
            "first_tenth_cpu_ms": watch.cpu_ms(0, tenth),
            "last_tenth_cpu_ms": watch.cpu_ms(-tenth, -1),
            "gap_p99_ms": float(np.percentile(gaps, 99)),
            **_steps(paths, count),
        }


def through(size: Size, count: int, laid: Path | None = None) -> Figures:
    """Rate of the whole way, from a camera that delivers as fast as the station takes it."""
    with _station(laid) as paths:
        watch = run_station(paths.root, count, frames_of(size))
        skip = count // 10
        return {"fps": watch.rate(skip), "cpu_ms": watch.cpu_ms(skip, -1), **_steps(paths, count)}


def paced(size: Size, count: int, rate_hz: float, laid: Path | None = None) -> Figures:
    """Latency from frame in memory to verdict announced, at a steady rate (ms)."""
    with _station(laid) as paths:
        watch = run_station(paths.root, count, frames_of(size), rate_hz)
        ages = np.array(watch.ages_ms[min(20, count // 10) :])
        p50, p99, p999 = np.percentile(ages, [50, 99, 99.9])
        before_commit = _asked(
            paths,
            count,
            "median(age_ms), median(age_ms - wait_ms - read_ms - gates_ms - prepare_ms - infer_ms)",
        )
        return {
            "p50_ms": float(p50),
            "p99_ms": float(p99),
            "p999_ms": float(p999),
            "max_ms": float(ages.max()),
            "frames": len(ages),
            **_steps(paths, count),
            "step_spool_ms": before_commit[1],
            "step_commit_ms": float(p50) - before_commit[0],
        }


def compute_alone(size: Size, rate_hz: float) -> Figures:
    """The bare compute per frame (ms), one after the other and at that rate."""
    loop, frames = PlainLoop(MODEL), frames_of(size)
    p50 = float(np.percentile(loop.compute_ms(frames, 10), 50))
    return {
        "compute_p50_ms": p50,
        "compute_paced_p50_ms": float(np.percentile(loop.compute_ms(frames, 10, rate_hz), 50)),
    }


def disk_alone(size: Size, count: int, rate_hz: float) -> Figures:
    """Time (ms) of one write and fsync of such a frame at that rate, by a program that does nothing
    else.
    """
    taken = writes_ms(size, count, rate_hz)
    p50, p99, p999 = np.percentile(taken, [50, 99, 99.9])
    return {
        "disk_p50_ms": float(p50),
        "disk_p99_ms": float(p99),
        "disk_p999_ms": float(p999),
        "disk_max_ms": max(taken),
    }


def writes_ms(size: Size, count: int, rate_hz: float) -> list[float]:
    """Milliseconds of each of `count` writes and fsyncs of such a frame, at that rate."""
    data, taken = frames_of(size, 1)[0].tobytes(), []
    with scratch() as directory:
        due = time.perf_counter()
        for index in range(count):
            due += 1 / rate_hz
            time.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            fd = os.open(directory / f"{index}", os.O_WRONLY | os.O_CREAT)
            os.write(fd, data)
            os.fsync(fd)
            os.close(fd)
            taken.append((time.perf_counter() - begun) * 1e3)
    return taken


def cold_start(runs: int) -> Figures:
    """Seconds from the start of the process to READY."""
    taken = []
    for _ in range(runs):
        with scratch() as root:
            paths = provision(root, "bench", parse_camera("emulated")).paths
            begun = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "qc_edge", "run", "bench", "--root", str(root)],
                stderr=subprocess.DEVNULL,
            )
            while b'"ready": true' not in _content(paths.status):
                if process.poll() is not None or time.perf_counter() - begun > 60:
                    raise RuntimeError("the station did not become ready")
                time.sleep(0.01)
            taken.append(time.perf_counter() - begun)
            process.terminate()
            process.wait(10)
            assert holder_of(paths.lock("inspect")) is None
    return {"p50_s": float(np.median(taken)), "max_s": max(taken)}


def memory(count: int, size: Size = (640, 512)) -> dict[str, Any]:
    """Resident size (MB) over `count` frames; evidence is removed on the way, as retention will."""
    with scratch() as root:
        make_station(root)
        samples = run_station(root, count, frames_of(size, 4), sample_memory=True).memory_mb
    late = samples[len(samples) // 3 :]
    slope, _ = np.polyfit(range(len(late)), late, 1)
    return {
        "frames": count,
        "after_each_tenth_mb": [samples[len(samples) * tenth // 10 - 1] for tenth in range(1, 11)],
        "max_mb": max(samples),
        "growth_mb_last_two_thirds": float(slope * (len(late) - 1)),
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _steps(paths: StationPaths, count: int) -> Figures:
    medians = _asked(paths, count, ", ".join(f"median({step}_ms)" for step in STEPS))
    return {f"step_{step}_ms": value for step, value in zip(STEPS, medians, strict=True)}


def _asked(paths: StationPaths, count: int, what: str) -> list[float]:
    """One row of figures over the newest inspections; 0 where nothing was measured."""
    with duckdb.connect(str(paths.database), read_only=True) as log:
        found: Sequence[float | None] = (
            log.execute(
                f"SELECT {what} FROM (FROM inspections ORDER BY chain_seq DESC LIMIT {count})"
            ).fetchone()
            or ()
        )
    return [value or 0.0 for value in found]
