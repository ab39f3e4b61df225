"""What to try after the demo: commands that work as they stand, with its stations."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from qc_edge.demo.changeover.station import STATION as CHANGEOVER_STATION
from qc_edge.demo.demo_run import DemoReport
from qc_edge.demo.demo_station import STATION
from qc_edge.rendered import read_truth

Tip = tuple[str, str]
"""A command line, and what it is for."""


def tips(report: DemoReport) -> tuple[Tip, ...]:
    """Commands that work as they stand, with the demo's stations."""
    root = short_path(report.paths.root)
    program = _program()
    played = report.paths.emulated_parts
    parts = read_truth(played)
    defective = next((part.file for part in parts if part.defect), parts[0].file)
    part = short_path(played / defective)
    query = (
        "SELECT verdict, reason, count(*) AS parts, round(median(age_ms), 1) AS ms "
        "FROM inspections GROUP BY ALL ORDER BY ALL"
    )
    database = os.path.relpath(report.paths.database)
    # DuckDB lets one process write or many read: read_only, so that several may ask at once.
    ask = f"import duckdb; print(duckdb.connect('{database}', read_only=True).sql('{query}'))"
    return (
        (
            f"{program} run {STATION} --root {root}",
            "run it on until Ctrl-C; in another terminal: status",
        ),
        (
            f"{program} inspect {part} --station {STATION} --root {root}",
            "look at one defective part by itself",
        ),
        (f'{short_path(Path(sys.executable))} -c "{ask}"', "ask its log, with plain DuckDB"),
        *_changeover_tips(report, program, root),
    )


def _changeover_tips(report: DemoReport, program: str, root: str) -> list[Tip]:
    rejected = report.changeover.account.rejected_by_one_view if report.changeover else []
    if not rejected:
        return []
    command = f"{program} part {CHANGEOVER_STATION} {rejected[-1].part_id} --root {root}"
    return [(command, "why a part of two views was rejected, and by which recipe")]


def short_path(path: Path) -> str:
    """Relative to here where that is shorter, quoted if it must be."""
    relative = os.path.relpath(path)
    text = relative if not relative.startswith("..") else str(path)
    return shlex.quote(text)


def _program() -> str:
    """This program's name as it can be typed again here: it need not be on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "qc-edge":
        return f"{short_path(Path(sys.executable))} -m qc_edge"
    on_path = shutil.which("qc-edge")
    return (
        "qc-edge" if on_path and Path(on_path).samefile(called) else short_path(called.absolute())
    )
