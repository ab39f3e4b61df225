"""`qc-edge inspect`: image files judged one by one, outside any station; nothing is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfCamera, OfStation, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.terminal.file_inspection import FileInspector, InspectedFile

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Image files, directories of them, or patterns."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME@VERSION", help="This bundle instead, with its own threshold."
    ),
]

_STYLES = {"PASS": "green", "FAIL": "red", "INVALID": "yellow"}
_MANY = 3
_UNREADABLE = 65
"""The exit code if a file could not be read or scored: EX_DATAERR."""


def command(
    files: Files,
    station: OfStation = None,
    camera: OfCamera = None,
    model: Model = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Inspect image files one by one, as a station would; nothing is recorded, no line is told.

    Without --station the shipped reference model and the bounds that every new
    station starts with. A file that cannot be read is a row like any other,
    with its reason.

    Exit code 0 whatever the verdicts are; 65 if a file could not be read or
    scored.

    [dim]Examples:[/dim]
      [bold]qc-edge inspect part.png[/bold] [bold]qc-edge inspect parts/ --station line1 --json | jq
      '.files[] | select(.verdict == "FAIL")'[/bold]
    """
    from qc_edge.terminal.file_inspection import FileInspector
    from qc_edge.terminal.images import find_images

    paths = find_images(files)
    with FileInspector.load(root.absolute(), station, camera, model) as inspector:
        inspected = list(_with_progress(paths, inspector))
    bundle, info, threshold = inspector.bundle, inspector.engine_info, inspector.threshold
    engine = f"{info.backend} {info.version}"
    if as_json:
        print_json(
            {
                "station": station,
                "model": bundle.reference,
                "model_sha256": bundle.sha256,
                "engine": engine,
                "threshold": threshold.value,
                "threshold_id": threshold.threshold_id,
                "counts": dict(Counter(file.verdict for file in inspected)),
                "files": [asdict(file) for file in inspected],
            }
        )
    else:
        _print(inspected, f"{bundle.reference} on {engine}")
    if not all(file.readable for file in inspected):
        raise typer.Exit(_UNREADABLE)


def _with_progress(paths: Sequence[Path], inspector: FileInspector) -> Iterator[InspectedFile]:
    """Inspect the files, with a bar on stderr if a person waits for more than a few."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    shows_bar = console.is_terminal and len(paths) > _MANY
    for path in track(paths, "inspecting", console=console, transient=True, disable=not shows_bar):
        yield inspector.inspect(path)


def _print(inspected: Sequence[InspectedFile], model: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    parents = {result.file.parent for result in inspected}
    together = len(parents) == 1 and len(inspected) > 1
    if together:
        console.print(Text.assemble(("in ", "dim"), str(*parents)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("verdict")
    table.add_column("score", justify="right")
    table.add_column("focus", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("reason", overflow="fold")
    for result in inspected:
        style = _STYLES[result.verdict]
        reason = (
            Text(result.detail, style)
            if result.score is not None
            else Text(f"{result.reason}: {result.detail}", style)
        )
        if result.needs_review:
            reason.append("; near the threshold: a person should look", "cyan")
        score = "-" if result.score is None else f"{result.score:.4f}"
        focus = "-" if result.figures is None else f"{result.figures['focus']:.0f}"
        table.add_row(
            Text(result.file.name if together else str(result.file)),
            Text(result.verdict, f"bold {style}"),
            score,
            focus,
            f"{result.ms:.0f}",
            reason,
        )
    console.print(table)
    counts = Counter(result.verdict for result in inspected)
    totals = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _STYLES if counts[verdict])
    console.print(f"{len(inspected)} files: {totals}; {model}, nothing recorded", soft_wrap=True)
