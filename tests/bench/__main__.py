"""Run the benchmark: `python -m tests.bench [--long] [--only NAME]`, tables on stdout, JSON beside."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench import engines, measures
from tests.bench import log as traceability
from tests.bench import query as heavy

SIZES = {"1.3 MP": (1280, 1024), "5 MP": (2448, 2048)}
RESULTS = Path(__file__).parent / "results"
MILLIONS = 5_000_000
LOG_ROWS = 10_000_000

_T = TypeVar("_T")


def alone(measure: Callable[..., _T], *args: object) -> _T:
    """The figures of `measure`, taken in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, *args).result()


def speed(console: Console, long: bool) -> dict[str, Any]:
    """Sustained rate against the plain loops, the three in turn so that drift hits all alike."""
    figures: dict[str, Any] = {}
    table = Table(title="Sustained frames/s, everything durable, against the plain loops (nothing kept)")
    for heading in ("", "station", "spool drained", "plain PNG", "plain PGM", "vs PNG", "vs PGM"):
        table.add_column(heading, justify="right")
    for name, size in SIZES.items():
        count = 400 if size[0] < 2000 else 200
        rounds = 5 if long else 3
        taken = []
        for turn in range(rounds):
            console.print(f"[dim]speed {name}, round {turn + 1} of {rounds}[/dim]")
            taken.append(
                {
                    **{f"loop_{key}": value for key, value in alone(measures.plain_loops, size, 4.0).items()},
                    **{
                        f"through_{key}": value for key, value in alone(measures.through, size, count).items()
                    },
                    "drain_fps": alone(measures.drain, size, count)["fps"],
                }
            )
        middle = {key: sorted(each[key] for each in taken)[rounds // 2] for key in taken[0]}
        ratios = {
            kind: sorted(each["through_fps"] / each[f"loop_plain_{kind}_fps"] for each in taken)[rounds // 2]
            for kind in ("png", "pgm")
        }
        figures[name] = {**middle, "ratio_png": ratios["png"], "ratio_pgm": ratios["pgm"], "rounds": taken}
        rates = ("through_fps", "drain_fps", "loop_plain_png_fps", "loop_plain_pgm_fps")
        shown = [f"{middle[key]:.1f}" for key in rates]
        table.add_row(name, *shown, f"{ratios['png']:.2f}x", f"{ratios['pgm']:.2f}x")
    console.print(table)
    _steps(
        console,
        {name: {k.removeprefix("through_"): v for k, v in each.items()} for name, each in figures.items()},
    )
    return figures


def latency(console: Console, long: bool) -> dict[str, Any]:
    """From frame in memory to verdict announced, against the bare compute and the bare disk."""
    table = Table(title="Latency at 10 frames/s (ms)")
    headings = ("", "p50", "p99", "p99.9", "max", "frames", "p99.9 / p50", "bare compute p50", "over it")
    for heading in (*headings, "at that rate", "over it", "one bare fsync p50 / p99.9"):
        table.add_column(heading, justify="right")
    figures = {}
    for name, size in SIZES.items():
        count = 10_000 if long else 600
        console.print(f"[dim]latency {name}: {2 * count / 10:.0f} s[/dim]")
        bare = alone(measures.compute_alone, size, 10.0)
        found = alone(measures.paced, size, count, 10.0)
        disk = alone(measures.disk_alone, size, count, 10.0)
        figures[name] = {**found, **disk, **bare}
        table.add_row(
            name,
            *(f"{found[key]:.1f}" for key in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
            f"{found['frames']:.0f}",
            f"{found['p999_ms'] / found['p50_ms']:.2f}x",
            *_over(found["p50_ms"], bare["compute_p50_ms"]),
            *_over(found["p50_ms"], bare["compute_paced_p50_ms"]),
            f"{disk['disk_p50_ms']:.1f} / {disk['disk_p999_ms']:.1f}",
        )
    console.print(table)
    _steps(console, figures)
    return figures


def _over(p50: float, bare: float) -> tuple[str, str]:
    return f"{bare:.1f}", f"{p50 - bare:+.1f}"


def growth(console: Console, long: bool) -> dict[str, Any]:
    """Rate and p99 with a full log and with a full spool, against empty ones."""
    size, waiting = (640, 512), 20_000
    empty: dict[str, float] = {}
    full: dict[str, float] = {}
    for rows, figures in ((0, empty), (MILLIONS, full)):
        console.print(f"[dim]growth: {rows:,} rows in the log[/dim]")
        figures["fps"] = alone(measures.through, SIZES["1.3 MP"], 400, rows)["fps"]
        figures["p99_ms"] = alone(measures.paced, SIZES["1.3 MP"], 3000 if long else 600, 10.0, rows)[
            "p99_ms"
        ]
    console.print(f"[dim]growth: {waiting:,} files waiting[/dim]")
    few, many = alone(measures.drain, size, 1000), alone(measures.drain, size, waiting)
    table = Table(title="Growth")
    for heading in ("", "empty", "full", "ratio"):
        table.add_column(heading, justify="right")
    rows_of = {
        "frames/s, 5 million rows": (empty["fps"], full["fps"], full["fps"] / empty["fps"]),
        "p99 ms, 5 million rows": (empty["p99_ms"], full["p99_ms"], empty["p99_ms"] / full["p99_ms"]),
        "frames/s, 20,000 waiting (640x512)": (few["fps"], many["fps"], many["fps"] / few["fps"]),
        "p99 ms between verdicts, 20,000 waiting": (
            few["gap_p99_ms"], many["gap_p99_ms"], few["gap_p99_ms"] / many["gap_p99_ms"],
        ),
        "frames/s, last against first tenth": (
            many["first_tenth_fps"], many["last_tenth_fps"], many["last_tenth_fps"] / many["first_tenth_fps"],
        ),
    }  # fmt: skip
    for title, (one, other, ratio) in rows_of.items():
        table.add_row(title, f"{one:.1f}", f"{other:.1f}", f"{ratio:.2f}")
    console.print(table)
    return {
        title: dict(zip(("empty", "full", "ratio"), each, strict=True)) for title, each in rows_of.items()
    }


def start(console: Console, long: bool) -> dict[str, Any]:
    """From the start of the process to READY, with the emulated camera."""
    figures = alone(measures.cold_start, 9 if long else 5)
    console.print(f"Cold start to READY: median {figures['p50_s']:.2f} s, slowest {figures['max_s']:.2f} s")
    return figures


def memory(console: Console, long: bool) -> dict[str, Any]:
    """Resident size over many frames."""
    count = 100_000 if long else 5000
    console.print(f"[dim]memory: {count:,} frames[/dim]")
    figures = alone(measures.memory, count)
    console.print(
        f"Resident size over {count:,} frames: {figures['early_mb']:.0f} MB after a tenth, "
        f"{figures['late_mb']:.0f} MB at the end, at most {figures['max_mb']:.0f} MB"
    )
    return figures


def log(console: Console, long: bool) -> dict[str, Any]:
    """The traceability log with ten million rows, against the same questions asked of SQLite with indexes."""
    rows = LOG_ROWS
    root = traceability.prepare(rows, lambda words: console.print(f"[dim]log: {words}[/dim]"))
    figures: dict[str, float] = {}
    for measure in (traceability.sizes, traceability.replays, traceability.look_ups, traceability.writing):
        console.print(f"[dim]log: {measure.__name__.replace('_', ' ')}[/dim]")
        figures |= alone(measure, root)
    console.print("[dim]log: start-up[/dim]")
    figures |= alone(traceability.start_up, root, 7 if long else 3)
    table = Table(title=f"The traceability log with {rows:,} inspections")
    for heading in ("", "database", "published", "SQLite"):
        table.add_column(heading, justify="right" if heading else "left")
    for title, names, form in LOG_TABLE:
        cells = (form.format(figures[name]) if name else "" for name in names)
        table.add_row(title, *cells)
    console.print(table)
    return figures


def query(console: Console, long: bool) -> dict[str, Any]:
    """A station at 20 frames/s whose log of ten million rows is asked heavy questions without a break."""
    root = traceability.prepare(LOG_ROWS, lambda words: console.print(f"[dim]query: {words}[/dim]"))
    clone = root.with_name(f"{root.name}.asked-{os.getpid()}")
    heavy.station_with_past(root, clone)
    unit = heavy.unit_weight()
    cases = {
        "nobody asks": (heavy.ages, "none", unit),
        "a DuckDB client": (heavy.ages, "foreign", unit),
        "qc-edge sql": (heavy.ages, "ours", unit),
        "one bare fsync, nobody asks": (heavy.writes, "none", unit),
        "one bare fsync, a DuckDB client": (heavy.writes, "foreign", unit),
    }
    rounds, count = (10, 500) if long else (6, 250)
    taken: dict[str, list[heavy.Round]] = {name: [] for name in cases}
    try:
        for turn in range(rounds):
            for name, (measure, *case) in cases.items():
                console.print(f"[dim]query: {name}, round {turn + 1} of {rounds}[/dim]")
                taken[name].append(alone(measure, clone, SIZES["1.3 MP"], *case, count))
    finally:
        shutil.rmtree(clone, ignore_errors=True)
    weighed = "" if heavy.can_weigh() else "; no weights could be given"
    table = Table(
        title=f"A station at {heavy.RATE_HZ:g} frames/s beside questions to {LOG_ROWS:,} rows{weighed}"
    )
    for heading in ("", "p50 ms", "p99 ms", "p99, times nobody's", "p99 of each round", "answers", "refused"):
        table.add_column(heading, justify="right" if heading else "left")
    figures: dict[str, Any] = {"weighed": heavy.can_weigh()}
    quiet = 1.0
    for name, each in taken.items():
        all_of_them = heavy.together(each)
        quiet = all_of_them["p99_ms"] if "nobody" in name else quiet
        by_round = [heavy.together([one])["p99_ms"] for one in each]
        figures[name] = {**all_of_them, "ratio": all_of_them["p99_ms"] / quiet, "p99_of_rounds_ms": by_round}
        table.add_row(
            name,
            f"{all_of_them['p50_ms']:.1f}",
            f"{all_of_them['p99_ms']:.1f}",
            f"{figures[name]['ratio']:.2f}x",
            " ".join(f"{p99:.0f}" for p99 in by_round),
            f"{all_of_them['answers']:.0f}",
            f"{all_of_them['refused']:.0f}",
        )
    console.print(table)
    return figures


def engine(console: Console, long: bool) -> dict[str, Any]:
    """The reference model on every engine here: alone, with preparing, and at work in a station."""
    size, figures = SIZES["1.3 MP"], {}
    table = Table(title="Engines, one frame of 1.3 MP at a time: p50 / p99 (ms)")
    for heading in ("engine", "infer only", "prepare + infer", "end to end, 10 frames/s"):
        table.add_column(heading, justify="right" if table.columns else "left")
    for each in engines.candidates():
        console.print(f"[dim]engine: {each.name}[/dim]")
        found: dict[str, Any] = alone(engines.alone_and_prepared, each.values, size, 2000 if long else 300)
        if "why_not" in found:
            table.add_row(each.name, Text(f"not here: {found['why_not']}", "dim"))
        else:
            found |= alone(engines.in_a_station, each.values, size, 1000 if long else 200, 10.0)
            shown = (f"{found[f'{n}_p50_ms']:.2f} / {found[f'{n}_p99_ms']:.2f}" for n in ENGINE_COLUMNS)
            table.add_row(each.name, *shown)
        figures[each.name] = found
    console.print(table)
    return figures


ENGINE_COLUMNS = ("infer", "prepare_infer", "station")

PARTS = {
    "speed": speed, "latency": latency, "growth": growth, "start": start, "memory": memory, "log": log,
    "query": query, "engine": engine,
}  # fmt: skip

LOG_TABLE = (
    ("bytes a row", ("database_bytes_a_row", "published_bytes_a_row", "sqlite_bytes_a_row"), "{:.0f}"),
    ("another threshold (ms)", ("replay_database_ms", "replay_published_ms", "replay_sqlite_ms"), "{:.0f}"),
    ("labelled parts (ms)", ("judge_labels_database_ms", "judge_labels_published_ms", ""), "{:.0f}"),
    ("one part by its id (ms)", ("part_database_ms", "part_published_ms", "part_sqlite_ms"), "{:.1f}"),
    ("one-row commit p50 (ms)", ("commit_p50_ms", "", "commit_sqlite_p50_ms"), "{:.2f}"),
    ("one-row commit p99 (ms)", ("commit_p99_ms", "", "commit_sqlite_p99_ms"), "{:.2f}"),
    ("publish a busy hour, 36,000 rows (s)", ("", "publish_busy_hour_s", ""), "{:.2f}"),
    ("hold all files against the database (s)", ("", "compare_s", ""), "{:.2f}"),
    ("open the log (ms)", ("open_ms", "", ""), "{:.0f}"),
    ("start of the process to READY (s)", ("start_p50_s", "", ""), "{:.2f}"),
)
"""Title, the figures for each column (nothing where there is none), how they are shown."""


def _named(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{key}": value for key, value in figures.items()}


def _steps(console: Console, figures: dict[str, Any], prefix: str = "") -> None:
    """What the rows say; `spool` is capture and its disk, `commit` the log and the announcement."""
    steps = [
        step
        for step in (*measures.STEPS, "spool", "commit")
        if all(f"{prefix}step_{step}_ms" in each for each in figures.values())
    ]
    table = Table(title="Where the time goes: median ms per frame (steps of several frames overlap)")
    table.add_column("")
    for step in steps:
        table.add_column(step, justify="right")
    for name, each in figures.items():
        table.add_row(name, *(f"{each[f'{prefix}step_{step}_ms']:.2f}" for step in steps))
    console.print(table)


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    ask = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(ask, capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cpu": next(names, platform.processor()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--long", action="store_true", help="enough frames for p99.9 and memory: 2 hours")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument(
        "--keep",
        metavar="NAME",
        help="write results/NAME.json, beside the parts that it has (default: by date)",
    )
    chosen = parser.parse_args()
    console = Console()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{chosen.keep or datetime.now(timezone.utc).strftime('%Y-%m-%dT%H%M%SZ')}.json"
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in chosen.only or PARTS:
        figures = PARTS[name](console, chosen.long)
        result[name] = {"machine": _machine(), "long": chosen.long, "figures": figures}
        path.write_text(json.dumps(result, indent=1) + "\n")
    console.print(f"kept as {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
