"""`qc-edge update check` and `status`: what there is to update to, and what the box has of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Root, out, print_json

From = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="https://..., a directory or [bold]stick[/bold]; left out, what the box was told.",
        show_default=False,
    ),
]


def check_command(source: From = None, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Look whether there is a newer version, signed by whom this box trusts. Changes nothing.

    Exit code 0 if there is one, 1 if not.

    [dim]Examples:[/dim]
      [bold]qc-edge update check[/bold]
      [bold]qc-edge update check stick[/bold]
    """
    from qc_edge.setup.provision.update_source import read_update_source
    from qc_edge.setup.update.boxes import this_box
    from qc_edge.setup.update.source import open_source
    from qc_edge.setup.update.staging import look
    from qc_edge.setup.update.versions import is_newer

    told = read_update_source(root.absolute())
    running = this_box(lambda _: None, root.absolute()).running()
    with open_source(source or told.source) as opened:
        offer = look(opened, told.trusted_keys)
    newer = is_newer(offer.manifest.version, running)
    if as_json:
        offered = offer.manifest.model_dump(mode="json", exclude={"files"})
        print_json(
            {"running": running, "newer": newer, "signed_by": offer.signer, "offered": offered}
        )
    else:
        words = "newer" if newer else "not newer"
        out().print(
            f"{offer.manifest.version}, signed by {offer.signer}, is {words} than {running}",
            markup=False,
        )
        if newer:
            out().print(f"{offer.manifest.size / 1e6:,.0f} MB; next: sudo qc-edge update stage")
    raise typer.Exit(0 if newer else 1)


def status_command(root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Say which version runs, what is staged, and how the last update ended.

    [dim]Example:[/dim]
      [bold]qc-edge update status --json[/bold]
    """
    from qc_edge.errors import QcEdgeError
    from qc_edge.setup.update.box_state import STAGED, read_applied
    from qc_edge.setup.update.boxes import this_box

    at = root.absolute()
    applied = read_applied(at)
    try:
        running = this_box(lambda _: None, at).running()
    except QcEdgeError:
        running = ""
    staged = _staged(at / STAGED)
    if as_json:
        last = applied and {
            "version": applied.version,
            "before": applied.before,
            "at": applied.at.isoformat(),
            "outcome": applied.outcome,
            "why": applied.why,
        }
        print_json({"running": running or None, "staged": staged, "last": last})
        return
    console = out()
    console.print(f"runs      {running or 'neither a package nor an image'}", markup=False)
    console.print(f"staged    {staged or 'nothing'}", markup=False)
    if applied:
        ended = f"{applied.before} to {applied.version}, {applied.at:%Y-%m-%d %H:%M} UTC: "
        ended += applied.outcome.replace("_", " ") + (f": {applied.why}" if applied.why else "")
        console.print(f"last      {ended}", markup=False)


def _staged(directory: Path) -> str | None:
    found = (path for path in directory.glob("[!.]*") if path.is_dir())
    names = [path.name for path in found]
    return max(names, default=None)
