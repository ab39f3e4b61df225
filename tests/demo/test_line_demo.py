"""The demo with a line: what lies in the bins is what the log says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qc_edge.demo.demo_run import SEED
from qc_edge.demo.line.conveyor import Conveyor
from qc_edge.demo.line.run import LineRun, make_report
from qc_edge.domain.verdict import Disposition
from qc_edge.query.typed_rows import read_inspections, read_told


def test_the_bins_close_with_the_log_and_a_part_in_the_wrong_one_shows(tmp_path: Path) -> None:
    report = LineRun(tmp_path / "demo", 2.0, SEED).run()
    assert report.faults == ()
    assert report.sent == sum(report.bins.values()) == 8
    assert report.bins["ACCEPT"] == report.told["ACCEPT"] > 0
    database = report.paths.database
    inspections, told = read_inspections(database), read_told(database)
    # a PLC on a busy machine may acknowledge too late
    outcomes = ("acknowledged", "unacknowledged")
    shown = {row.sequence: str(row.disposition) for row in told if row.outcome in outcomes}
    conveyor = Conveyor()
    for number in range(1, 9):
        conveyor.bins[Disposition(shown[number])].append(number)
    moved = next(number for number in range(1, 9) if shown[number] != "ACCEPT")
    for numbers in conveyor.bins.values():
        numbers[:] = [number for number in numbers if number != moved]
    conveyor.let_through(moved)
    escaped = make_report(report.paths, conveyor, inspections, told, [])
    assert any("is in the bin ACCEPT" in fault for fault in escaped.faults)
    lost = replace(conveyor, bins={each: [] for each in Disposition})
    assert (
        "0 parts in the bins, 8 in the log"
        in make_report(report.paths, lost, inspections, told, []).faults
    )
