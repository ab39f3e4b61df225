"""`qc-edge labels`: labels from other tools, for other tools, and as a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.commands.label import RoleName
from qc_edge.terminal.history_options import ListLimit, text_option
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.labels.exchange.importing import ImportPlan
    from qc_edge.settings import StationPaths

Action = Annotated[
    Literal["import", "export", "list"],
    typer.Argument(help="[bold]import[/bold] FILE, [bold]export[/bold] FILE, [bold]list[/bold]."),
]
File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="With import and export.", show_default=False),
]
Format = Annotated[
    Literal["csv", "coco", "labelstudio"],
    typer.Option("--format", help="Of an export; an import sees it by itself."),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Import nothing: say what fits.", show_default=False),
]
By = Annotated[
    str | None, text_option("--by", metavar="WHO", help="Of labels whose file names nobody.")
]


def command(
    name: Name,
    action: Action,
    file: File = None,
    format: Format = "csv",  # noqa: A002 - the option's name
    by: By = None,
    role: RoleName = "reviewer",
    dry_run: DryRun = False,
    limit: ListLimit = 20,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Labels from other tools, for other tools, and as a list.

    import takes CSV (frame_id or part_id, and label; also defect_class, who, role, why, regions),
    COCO and Label Studio's JSON. A picture is found by a frame id in its name, by the part's id, or
    by the name under which it was dropped. What does not fit is listed and left out (exit code 1);
    to import a file again adds nothing. --dry-run only looks.

    export writes the label in effect of each inspection, list shows them, the newest first.

    [dim]Examples:[/dim]
      [bold]qc-edge labels line1 import boxes.json --dry-run[/bold]
      [bold]qc-edge labels line1 import lot-4711.csv --by anna --role quality[/bold]
      [bold]qc-edge labels line1 export labels.json --format coco[/bold]
      [bold]qc-edge labels line1 list[/bold]
    """
    from qc_edge.domain.label import PersonRole
    from qc_edge.errors import UsageError
    from qc_edge.labels.exchange import importing
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    if action == "list":
        _list(name, paths, limit, as_json=as_json)
    elif file is None:
        raise UsageError(f"{action}: the file is missing", hint=f"qc-edge labels {name} {action} F")
    elif action == "export":
        _export(paths, file, format, as_json=as_json)
    else:
        foreign = importing.read_file(file)  # as whoever asks: the file is that person's
        with acting_as_owner(paths.state):
            plan = importing.plan(paths, foreign, by, PersonRole(role))
            if not dry_run:
                importing.write(paths, plan.labels)
        _tell_import(name, plan, dry_run=dry_run, as_json=as_json)
        if plan.misfits:
            raise typer.Exit(1)


def _export(paths: StationPaths, file: Path, kind: str, *, as_json: bool) -> None:
    from qc_edge.labels.exchange import coco, csv_file, label_studio
    from qc_edge.labels.exchange.exported import labels_in_effect
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.store.durable import write_file

    writers = {"csv": csv_file.write, "coco": coco.write, "labelstudio": label_studio.write}
    with acting_as_owner(paths.state):
        labels = labels_in_effect(paths)
    write_file(file.absolute(), writers[kind](labels).encode())
    if as_json:
        print_json({"file": str(file), "format": kind, "labels": len(labels)})
    else:
        out().print(f"{len(labels):,} labels in {file}")


def _list(name: str, paths: StationPaths, limit: int, *, as_json: bool) -> None:
    from dataclasses import asdict

    from qc_edge.labels.exchange.exported import labels_in_effect
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.terminal.tables import print_tables

    with acting_as_owner(paths.state):
        labels = labels_in_effect(paths)
    newest = list(reversed(labels))[:limit]
    if as_json:
        regions = [json.loads(label.regions) if label.regions else [] for label in newest]
        values = [asdict(label) for label in newest]
        print_json([a | {"regions": b} for a, b in zip(values, regions, strict=True)])
        return
    headings: tuple[str, ...] = ("part", "frame", "label", "class", "who", "role", "why", "")
    rows: list[tuple[str, ...]] = [
        (
            label.part_id,
            label.frame_id,
            label.label,
            label.defect_class or "",
            label.who,
            label.role or "",
            label.why or "",
            "disputed" if label.disputed else "",
        )
        for label in newest
    ]
    title = f"{name}: {len(labels):,} labels in effect, the newest {len(rows)}"
    print_tables(out(), {title: (headings, rows)})


def _tell_import(name: str, plan: ImportPlan, *, dry_run: bool, as_json: bool) -> None:
    from qc_edge.domain.printable import printable

    misfits = [f"{each.where}: {each.why}" for each in plan.misfits]
    if as_json:
        print_json(
            {
                "labels": len(plan.labels),
                "already": plan.already,
                "misfits": misfits,
                "written": not dry_run,
            }
        )
        return
    console = out()
    verb = "would be imported" if dry_run else "imported"
    console.print(
        f"{name}: {len(plan.labels):,} labels {verb}, {plan.already:,} were there already"
    )
    if misfits:
        console.print(f"[yellow]{len(misfits):,} do not fit and are left out[/yellow]:")
    for words in misfits:
        console.print(f"  {printable(words)}", markup=False)
