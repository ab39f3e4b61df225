"""The parts of the benchmark that are about the log: its own figures, and a station while it is
asked.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench import log as traceability
from tests.bench import query as heavy
from tests.bench.apart import LOG_ROWS, SIZES, alone
from tests.bench.past import station_with_past

LOG_TABLE = (
    (
        "bytes a row",
        ("database_bytes_a_row", "published_bytes_a_row", "sqlite_bytes_a_row"),
        "{:.0f}",
    ),
    (
        "another threshold (ms)",
        ("replay_database_ms", "replay_published_ms", "replay_sqlite_ms"),
        "{:.0f}",
    ),
    (
        "labelled parts (ms)",
        ("judge_labels_database_ms", "judge_labels_published_ms", ""),
        "{:.0f}",
    ),
    (
        "one part by its id (ms)",
        ("part_database_ms", "part_published_ms", "part_sqlite_ms"),
        "{:.1f}",
    ),
    ("one-row commit p50 (ms)", ("commit_p50_ms", "", "commit_sqlite_p50_ms"), "{:.2f}"),
    ("one-row commit p99 (ms)", ("commit_p99_ms", "", "commit_sqlite_p99_ms"), "{:.2f}"),
    ("publish a busy hour, 36,000 rows (s)", ("", "publish_busy_hour_s", ""), "{:.2f}"),
    ("hold all files against the database (s)", ("", "compare_s", ""), "{:.2f}"),
    ("open the log (ms)", ("open_ms", "", ""), "{:.0f}"),
    ("start of the process to READY (s)", ("start_p50_s", "", ""), "{:.2f}"),
)
"""Title, the figures for each column (nothing where there is none), how they are shown."""


def log(console: Console, long: bool) -> dict[str, Any]:
    """The traceability log with ten million rows, against the same questions asked of SQLite with
    indexes.
    """
    rows = LOG_ROWS
    root = traceability.prepare(rows, lambda words: console.print(f"[dim]log: {words}[/dim]"))
    figures: dict[str, float] = {}
    for measure in (
        traceability.sizes,
        traceability.replays,
        traceability.look_ups,
        traceability.writing,
    ):
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
    """A station at 20 frames/s whose log of ten million rows is asked heavy questions without a
    break.
    """
    root = traceability.prepare(LOG_ROWS, lambda words: console.print(f"[dim]query: {words}[/dim]"))
    clone = root.with_name(f"{root.name}.asked-{os.getpid()}")
    station_with_past(root, clone)
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
        title=f"A station at {heavy.RATE_HZ:g} frames/s beside questions to {LOG_ROWS:,} "
        f"rows{weighed}"
    )
    for heading in (
        "",
        "p50 ms",
        "p99 ms",
        "p99, times nobody's",
        "of each round, median",
        "p99 of each round",
        "answers",
        "refused",
    ):
        table.add_column(heading, justify="right" if heading else "left")
    figures: dict[str, Any] = {"weighed": heavy.can_weigh()}
    quiet, quiet_by_round = 1.0, [1.0] * rounds
    for name, each in taken.items():
        all_of_them = heavy.together(each)
        by_round = [heavy.together([one])["p99_ms"] for one in each]
        if "nobody" in name:
            quiet, quiet_by_round = all_of_them["p99_ms"], by_round
        ratios = [asked / nobody for asked, nobody in zip(by_round, quiet_by_round, strict=True)]
        figures[name] = {
            **all_of_them,
            "ratio": all_of_them["p99_ms"] / quiet,
            "ratio_of_rounds": float(np.median(ratios)),
            "p99_of_rounds_ms": by_round,
        }
        table.add_row(
            name,
            f"{all_of_them['p50_ms']:.1f}",
            f"{all_of_them['p99_ms']:.1f}",
            f"{figures[name]['ratio']:.2f}x",
            f"{figures[name]['ratio_of_rounds']:.2f}x",
            " ".join(f"{p99:.0f}" for p99 in by_round),
            f"{all_of_them['answers']:.0f}",
            f"{all_of_them['refused']:.0f}",
        )
    console.print(table)
    return figures
