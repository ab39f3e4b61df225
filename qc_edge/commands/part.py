"""`qc-edge part`: why a part was judged as it was, and a report of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

PartId = Annotated[
    str, typer.Argument(metavar="PART_ID", help="The part's id, as the line writes it.")
]
ReportPath = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write a report: [bold].html[/bold] or [bold].pdf[/bold].",
        show_default=False,
    ),
]
FrameId = Annotated[
    str | None,
    typer.Option(
        "--frame", metavar="FRAME_ID", help="Only this frame of the part.", show_default=False
    ),
]
_CHANGED = 65
"""The exit code of `qc-edge verify` for the same: what was kept is not what was judged."""


def command(
    name: Name,
    part_id: PartId,
    report: ReportPath = None,
    frame: FrameId = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Say why a part was judged as it was, years later too; with --report, as a file for a
    customer.

    Score against threshold, model, engine, calibration, gates with their bounds, settings, labels,
    and what happened around it. Its evidence is held against the digests in its row, and everything
    that can be done again is done again: gates, prepared input, verdict, the row's hash.

    The report is one file with its pictures inside; PDF needs the extra `report`. A defect map that
    was not stored (a PASS far from the threshold has none) is recomputed for it, and called so.
    Works while the station runs and when it does not. Exit code 65 if anything of it has been
    changed or lost.

    [dim]Examples:[/dim]
      [bold]qc-edge part line1 48213[/bold]
      [bold]qc-edge part line1 48213 --report 48213.pdf[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.report.html import render_html
    from qc_edge.report.json_values import to_json_values
    from qc_edge.report.part_report import examine_part
    from qc_edge.report.pdf import render_pdf
    from qc_edge.report.terminal import print_part_report
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.store.durable import write_file

    if report and report.suffix.lower() not in {".html", ".pdf"}:
        raise UsageError(
            f"--report {report}: expected a name that ends in .html or .pdf", hint="48213.html"
        )
    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    part_report = examine_part(paths, part_id, frame, recompute=report is not None)
    if report:
        html = render_html(part_report)
        content = render_pdf(html) if report.suffix.lower() == ".pdf" else html.encode()
        write_file(report, content)
    if as_json:
        print_json(to_json_values(part_report))
    else:
        print_part_report(out(), part_report)
        if report:
            out().print(f"\nthe report is {report} ({report.stat().st_size / 1e3:,.0f} kB)")
    if not part_report.holds:
        raise typer.Exit(_CHANGED)
