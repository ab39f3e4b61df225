"""The parts of the benchmark that are about the station: speed, latency, growth, start and
memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench import log as traceability
from tests.bench import measures
from tests.bench.apart import LOG_ROWS, SIZES, alone
from tests.bench.past import station_with_past


def speed(console: Console, long: bool) -> dict[str, Any]:
    """Sustained rate against the plain loops, the three in turn so that drift hits all alike."""
    figures: dict[str, Any] = {}
    table = Table(
        title="Sustained frames/s, everything durable, against the plain loops (nothing kept)"
    )
    headings = ("station", "spool drained", "plain PNG", "plain PGM", "tuned")
    for heading in ("", *headings, "vs PNG", "vs PGM", "vs tuned"):
        table.add_column(heading, justify="right")
    for name, size in SIZES.items():
        alike = alone(measures.same_verdicts, size)
        count = 400 if size[0] < 2000 else 200
        rounds = 5 if long else 3
        taken = []
        for turn in range(rounds):
            console.print(f"[dim]speed {name}, round {turn + 1} of {rounds}[/dim]")
            taken.append(
                {
                    **{
                        f"loop_{key}": value
                        for measure in (measures.plain_loops, measures.tuned_loop)
                        for key, value in alone(measure, size, 4.0).items()
                    },
                    **{
                        f"through_{key}": value
                        for key, value in alone(measures.through, size, count).items()
                    },
                    "drain_fps": alone(measures.drain, size, count)["fps"],
                }
            )
        middle = {key: sorted(each[key] for each in taken)[rounds // 2] for key in taken[0]}
        ratios = {
            kind: sorted(each["through_fps"] / each[f"loop_{kind}_fps"] for each in taken)[
                rounds // 2
            ]
            for kind in ("plain_png", "plain_pgm", "tuned")
        }
        figures[name] = {
            **middle,
            **alike,
            "ratio_png": ratios["plain_png"],
            "ratio_pgm": ratios["plain_pgm"],
            "ratio_tuned": ratios["tuned"],
            "rounds": taken,
        }
        rates = ("through", "drain", "loop_plain_png", "loop_plain_pgm", "loop_tuned")
        shown = [f"{middle[f'{key}_fps']:.1f}" for key in rates]
        table.add_row(name, *shown, *(f"{each:.2f}x" for each in ratios.values()))
    console.print(table)
    _steps(
        console,
        {
            name: {k.removeprefix("through_"): v for k, v in each.items()}
            for name, each in figures.items()
        },
    )
    return figures


def latency(console: Console, long: bool) -> dict[str, Any]:
    """From frame in memory to verdict announced, against the bare compute and the bare disk."""
    figures = {}
    for name, size in SIZES.items():
        count = 10_000 if long else 600
        console.print(f"[dim]latency {name}: {2 * count / 10:.0f} s[/dim]")
        bare = alone(measures.compute_alone, size, 10.0)
        found = alone(measures.paced, size, count, 10.0)
        disk = alone(measures.disk_alone, size, count, 10.0)
        figures[name] = {**found, **disk, **bare}
    for table in latency_tables(figures):
        console.print(table)
    _steps(console, figures)
    return figures


def latency_tables(figures: dict[str, dict[str, float]]) -> tuple[Table, Table]:
    """The latencies, and what they are compared with; each fits 100 columns."""
    ours = Table(title="Latency at 10 frames/s (ms)")
    for heading in ("", "p50", "p99", "p99.9", "max", "frames", "p99.9 / p50"):
        ours.add_column(heading, justify="right")
    bare = Table(title="p50 over the bare compute, alone and at that rate; one bare fsync (ms)")
    headings = ("compute", "over it", "at that rate", "over it", "fsync p50", "fsync p99.9")
    for heading in ("", *headings):
        bare.add_column(heading, justify="right")
    for name, figure in figures.items():
        ours.add_row(
            name,
            *(f"{figure[key]:.1f}" for key in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
            f"{figure['frames']:.0f}",
            f"{figure['p999_ms'] / figure['p50_ms']:.2f}x",
        )
        bare.add_row(
            name,
            *_over(figure["p50_ms"], figure["compute_p50_ms"]),
            *_over(figure["p50_ms"], figure["compute_paced_p50_ms"]),
            f"{figure['disk_p50_ms']:.1f}",
            f"{figure['disk_p999_ms']:.1f}",
        )
    return ours, bare


def _over(p50: float, bare: float) -> tuple[str, str]:
    return f"{bare:.1f}", f"{p50 - bare:+.1f}"


def growth(console: Console, long: bool) -> dict[str, Any]:
    """Rate and p99 with a full log and with a full spool, against empty ones."""
    size, waiting = (640, 512), 20_000
    past = traceability.prepare(
        LOG_ROWS, lambda words: console.print(f"[dim]growth: {words}[/dim]")
    )
    # First, while the disk is rested: what it does of itself after so much writing is said below.
    console.print(f"[dim]growth: {waiting:,} files waiting[/dim]")
    few, before = alone(measures.drain, size, 1000), alone(measures.disk_alone, size, 200, 20.0)
    many, after = alone(measures.drain, size, waiting), alone(measures.disk_alone, size, 200, 20.0)
    with measures.scratch() as full:
        console.print(f"[dim]growth: a station with {LOG_ROWS:,} rows[/dim]")
        station_with_past(past, full)
        rounds = _in_turn(console, {"empty": None, "full": full}, 1000 if long else 400)
    pairs: dict[str, tuple[list[float], list[float]]] = {
        f"{title}, 10 million rows": (rounds[f"empty {key}"], rounds[f"full {key}"])
        for title, key in (
            ("frames/s", "fps"),
            ("ms of processor a frame", "cpu_ms"),
            ("p99 ms", "p99_ms"),
        )
    }
    pairs |= {
        "frames/s, 20,000 waiting (640x512)": ([few["fps"]], [many["fps"]]),
        "frames/s, last against first tenth": ([many["first_tenth_fps"]], [many["last_tenth_fps"]]),
        "p99 ms between verdicts, 20,000 waiting": ([few["gap_p99_ms"]], [many["gap_p99_ms"]]),
        "ms of processor a frame, last against first tenth": (
            [many["first_tenth_cpu_ms"]],
            [many["last_tenth_cpu_ms"]],
        ),
        "p50 ms of the bare disk, after that against before": (
            [before["disk_p50_ms"]],
            [after["disk_p50_ms"]],
        ),
        "p99 ms of the bare disk, after that against before": (
            [before["disk_p99_ms"]],
            [after["disk_p99_ms"]],
        ),
    }
    table = Table(title="Growth (medians; the ratio is the median of each round's)")
    for heading in ("", "empty", "full", "ratio"):
        table.add_column(heading, justify="right")
    figures: dict[str, Any] = {"rounds": rounds}
    for title, (ones, others) in pairs.items():
        less_is_better = "frames/s" not in title
        ratios = [a / b if less_is_better else b / a for a, b in zip(ones, others, strict=True)]
        one, other, ratio = (float(np.median(each)) for each in (ones, others, ratios))
        figures[title] = {"empty": one, "full": other, "ratio": ratio}
        table.add_row(title, f"{one:.1f}", f"{other:.1f}", f"{ratio:.2f}")
    console.print(table)
    return figures


def _in_turn(console: Console, logs: dict[str, Path | None], count: int) -> dict[str, list[float]]:
    """Rate and p99 of each, three times, so that drift hits all alike."""
    keys = ("fps", "cpu_ms", "p99_ms")
    taken: dict[str, list[float]] = {f"{log} {key}": [] for log in logs for key in keys}
    for turn in range(3):
        for log, root in logs.items():
            console.print(f"[dim]growth: {log} log, round {turn + 1} of 3[/dim]")
            found = alone(measures.through, SIZES["1.3 MP"], 1600, root)
            found |= alone(measures.paced, SIZES["1.3 MP"], count, 10.0, root)
            for key in keys:
                taken[f"{log} {key}"].append(found[key])
    return taken


def start(console: Console, long: bool) -> dict[str, Any]:
    """From the start of the process to READY, with the emulated camera."""
    figures = alone(measures.cold_start, 9 if long else 5)
    console.print(
        f"Cold start to READY: median {figures['p50_s']:.2f} s, slowest {figures['max_s']:.2f} s"
    )
    return figures


def memory(console: Console, long: bool) -> dict[str, Any]:
    """Resident size over many frames."""
    count = 100_000 if long else 5000
    console.print(f"[dim]memory: {count:,} frames[/dim]")
    figures = alone(measures.memory, count)
    tenths = " ".join(f"{each:.0f}" for each in figures["after_each_tenth_mb"])
    console.print(
        f"Resident size over {count:,} frames, after each tenth of them: {tenths} MB; by a line "
        "through the "
        f"last two thirds {figures['growth_mb_last_two_thirds']:+.1f} MB"
    )
    return figures


def _steps(console: Console, figures: dict[str, Any]) -> None:
    """What the rows say; `spool` is capture and its disk, `commit` the log and the announcement."""
    steps = [
        step
        for step in (*measures.STEPS, "spool", "commit")
        if all(f"step_{step}_ms" in each for each in figures.values())
    ]
    table = Table(
        title="Where the time goes: median ms per frame (steps of several frames overlap)"
    )
    table.add_column("")
    for step in steps:
        table.add_column(step, justify="right")
    for name, each in figures.items():
        table.add_row(name, *(f"{each[f'step_{step}_ms']:.2f}" for step in steps))
    console.print(table)
