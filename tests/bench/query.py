"""A station at work while somebody asks heavy questions of its long log: what that costs its parts.

A stock DuckDB client asks without a break, on as many threads as there are cores, and so does
`qc-edge sql`. On an appliance systemd lets a person's programs run when the station leaves the
processor (CPUWeight of the unit and of user.slice) and gives the station a class at the disk
(IOSchedulingClass); as root, the benchmark does the same for its processes.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from qc_edge.settings import StationPaths
from tests.bench.log import NAME
from tests.bench.measures import Figures, Size, frames_of, writes_ms
from tests.bench.station import run_station

RATE_HZ = 20.0
SETTLED = 100
"""Frames at the beginning that do not count: the client needs qa.duckdb, which the station makes
first.
"""

HEAVY = (
    "SELECT camera, verdict, date, count(*), median(score), quantile_cont(age_ms, 0.99), "
    "count(DISTINCT part_id) FROM inspections GROUP BY ALL ORDER BY ALL"
)
_FOREIGN = """
import sys, time, duckdb
while True:
    try:
        with duckdb.connect(sys.argv[1], read_only=True) as client:
            client.execute(sys.argv[2]).fetchall()
    except duckdb.Error as fault:
        print("refused", str(fault).splitlines()[0], flush=True)
        time.sleep(0.05)
        continue
    print("answered", flush=True)
"""
_OURS = """
import subprocess, sys
while True:
    ran = subprocess.run(
        [sys.executable, "-m", "qc_edge", "sql", *sys.argv[1:]], stdout=subprocess.DEVNULL)
    if ran.returncode == 0:
        print("answered", flush=True)
"""
_PROGRAMS = {"foreign": _FOREIGN, "ours": _OURS}
_CGROUPS = Path("/sys/fs/cgroup")
UNIT = Path(__file__).parents[2] / "systemd/system/qc-edge@.service"
PEOPLE = UNIT.parents[1] / "system-252/user.slice.d/60-qc-edge.conf"
DEFAULT_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class Round:
    """Each part's age when it was announced, or each write's time (ms); what the client said
    meanwhile.
    """

    taken_ms: list[float]
    answers: int
    refused: int


def ages(clone: Path, size: Size, client: str, weight: int, count: int) -> Round:
    """The ages of parts while `client` asks: foreign, ours or none."""
    with _beside(clone, client, weight) as said:
        watch = run_station(clone, SETTLED + count, frames_of(size), RATE_HZ)
        return Round(list(watch.ages_ms[SETTLED:]), *_told(said()))


def writes(clone: Path, size: Size, client: str, weight: int, count: int) -> Round:
    """The same for a program that does nothing but to write such a frame and sync it: what the disk
    does.
    """
    with _beside(clone, client, weight) as said:
        return Round(writes_ms(size, SETTLED + count, RATE_HZ)[SETTLED:], *_told(said()))


def together(rounds: Sequence[Round]) -> Figures:
    """Percentiles over the parts of all rounds: a single one holds too few beyond its p99."""
    p50, p99 = np.percentile([each for one in rounds for each in one.taken_ms], [50, 99])
    answers, refused = (
        sum(getattr(one, name) for one in rounds) for name in ("answers", "refused")
    )
    return {"p50_ms": float(p50), "p99_ms": float(p99), "answers": answers, "refused": refused}


@contextmanager
def _beside(clone: Path, client: str, weight: int) -> Iterator[Callable[[], str]]:
    """This process at work with that weight while `client` asks; gives what the client said so
    far.
    """
    with tempfile.TemporaryFile("w+") as said, _weighed("station", weight) as enter:
        enter(os.getpid())

        def read() -> str:
            said.seek(0)
            return said.read()

        with (
            _asking(client, StationPaths(clone, NAME), said),
            _in_class(unit_setting("IOSchedulingClass")),
        ):
            yield read


def _told(said: str) -> tuple[int, int]:
    """How many answers the client had, and how many refusals once it had one."""
    told = [line.partition(" ")[0] for line in said[max(0, said.find("answered")) :].splitlines()]
    return told.count("answered"), told.count("refused")


def can_weigh() -> bool:
    """Whether this process may give weights to others, as systemd does."""
    return os.access(_group(""), os.W_OK) and _group("").is_dir()


def unit_weight() -> int:
    """CPUWeight of a station's unit, against the 100 of user.slice."""
    return int(unit_setting("CPUWeight"))


def unit_setting(name: str, unit: Path = UNIT) -> str:
    """What a station's unit, or another, has for that."""
    (value,) = re.findall(rf"(?m)^{name}=(\S+)$", unit.read_text())
    return str(value)


def people_are_idle() -> bool:
    """Whether what people start runs only when nobody else wants the processor: by the drop-in, and
    here.
    """
    return unit_setting("CPUWeight", PEOPLE) == "idle" and can_weigh()


@contextmanager
def _asking(client: str, paths: StationPaths, said: IO[str]) -> Iterator[None]:
    if client == "none":
        yield
        return
    given = (
        [str(paths.qa), HEAVY] if client == "foreign" else [NAME, HEAVY, "--root", str(paths.root)]
    )
    with _weighed("client", DEFAULT_WEIGHT, idle=people_are_idle()) as enter:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAMS[client], *given],
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: enter(os.getpid()),  # noqa: PLW1509 - one thread at this time
        )
        try:
            yield
            assert process.poll() is None, "the client has ended: nothing was asked"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _weighed(name: str, weight: int, *, idle: bool = False) -> Iterator[Callable[[int], object]]:
    """A group of processes of this weight against its neighbours; what is given takes in a
    process.
    """
    if not can_weigh():
        yield lambda _: None
        return
    group = _group(f"qc-edge-bench-{name}")
    group.mkdir(exist_ok=True)
    if (group / "cpu.idle").exists():  # one that an ended run has left would take no weight
        (group / "cpu.idle").write_text("0")
    if (group / "cpu.weight").exists():
        (group / "cpu.weight").write_text(str(weight))
    else:  # cgroup v1, where 1024 shares are what weight 100 is
        (group / "cpu.shares").write_text(str(weight * 1024 // 100))
    if idle and (group / "cpu.idle").exists():
        (group / "cpu.idle").write_text("1")
    try:
        yield lambda pid: (group / "cgroup.procs").write_text(str(pid))
    finally:
        with suppress(OSError):
            for pid in (group / "cgroup.procs").read_text().split():
                (_group("") / "cgroup.procs").write_text(pid)
        with suppress(OSError):
            group.rmdir()


@contextmanager
def _in_class(name: str) -> Iterator[None]:
    """This process, and the threads it starts, in that class at the disk."""
    if not can_weigh():
        yield
        return
    own = ["ionice", "-p", str(os.getpid()), "-c"]
    subprocess.run([*own, name], check=True)
    try:
        yield
    finally:
        subprocess.run([*own, "none"], check=True)


def _group(name: str) -> Path:
    legacy = _CGROUPS / "cpu"
    return (legacy if legacy.is_dir() else _CGROUPS) / name
