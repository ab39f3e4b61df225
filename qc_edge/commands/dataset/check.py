"""`qc-edge dataset check`: whether a dataset is fit to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import Json, out, print_json

Directory = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="An export, an index.csv (file, label), COCO, or folders such as good/ and scratch/.",
        show_default=False,
    ),
]


def check_command(directory: Directory, as_json: Json = False) -> None:
    """Check a dataset, ours or another's: is it fit to learn from, and to judge a model by?

    Files changed since the manifest, pictures that do not read, labels that contradict each other,
    masks of another size, one class only, all pictures of one part, the same part or nearly the
    same picture in two splits. Nothing is changed. Exit code 1 if there is a fault.

    [dim]Examples:[/dim]
      [bold]qc-edge dataset check november/[/bold]
      [bold]qc-edge dataset check bottles/ --json[/bold]
    """
    from qc_edge.dataset.checking import STEPS, check_dataset, to_json_values
    from qc_edge.dataset.reading import open_dataset
    from qc_edge.domain.printable import printable
    from qc_edge.terminal.audit_bar import AuditBar

    dataset = open_dataset(directory.absolute())
    with AuditBar(STEPS, quiet=as_json) as bar:
        findings = check_dataset(dataset, bar.update)
    is_fit = not any(finding.is_fault for finding in findings)
    if as_json:
        print_json(to_json_values(dataset, findings))
    else:
        console = out()
        console.print(f"{len(dataset.items):,} pictures ({dataset.kind})")
        for finding in findings:
            mark = "[red]fault[/red]" if finding.is_fault else "[yellow]note [/yellow]"
            console.print(mark, end=" ")
            console.print(printable(finding.sentence), markup=False)
        console.print("fit to learn from" if is_fit else "mend the faults before a model learns")
    if not is_fit:
        raise typer.Exit(1)
