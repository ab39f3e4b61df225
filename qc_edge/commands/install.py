"""`qc-edge install`: make this box an appliance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.setup.network import NetworkAccess
from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from qc_edge.setup.file_installer import FileInstaller

Prefix = Annotated[
    Path | None,
    typer.Option(
        "--prefix",
        metavar="DIR",
        show_default=False,
        help="The box is under DIR: an image that is being built. Files and links alone, nothing "
        "is run.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be done, and do nothing.", show_default=False),
]


def command(
    station: Annotated[
        list[str] | None,
        typer.Option(
            "--station", metavar="NAME", help="Also this station; repeat it.", show_default=False
        ),
    ] = None,
    network: Annotated[
        NetworkAccess,
        typer.Option(
            "--network", help="The network of these stations; auto: what their settings need."
        ),
    ] = NetworkAccess.AUTO,
    prefix: Prefix = None,
    systemd: Annotated[
        int | None,
        typer.Option(
            "--systemd",
            metavar="N",
            show_default=False,
            help="The version of systemd on the box under DIR; this machine's if left out.",
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Lay down the systemd units, the user, the device rules and the kernel settings of an
    appliance.

    With --station: close that station's network if its settings need none, give it its files, and
    start it at every boot from now on. Doing it again changes nothing; a file that was edited by
    hand is kept beside the new one. The nightly sync stays off until it is enabled.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge install --station line1[/bold]
      [bold]qc-edge install --dry-run[/bold]
      [bold]qc-edge install --prefix image/root --systemd 257[/bold]
    """
    from qc_edge.setup.install import install

    stations = station or []
    under = prefix and prefix.absolute()
    installer = install(under, stations, network=network, systemd=systemd, dry=dry_run)
    show(installer, as_json=as_json)
    if not as_json and not under and not dry_run:
        for name in stations:
            out().print(f"next: [bold]systemctl start qc-edge@{name}[/bold]")


def show(installer: FileInstaller, *, as_json: bool) -> None:
    """Print every change on a line of its own, and how many things were right already."""
    from dataclasses import asdict

    if as_json:
        print_json(
            {"dry_run": installer.dry, "done": [asdict(change) for change in installer.changes]}
        )
        return
    console = out()
    if installer.dry:
        console.print("nothing is done, this would be:")
    shown = [change for change in installer.changes if change.what != "same"]
    width = max((len(change.what) for change in shown), default=0)
    for change in shown:
        console.print(f"  {change.what:<{width}}  {change.subject}", markup=False)
    if same := len(installer.changes) - len(shown):
        console.print(f"  {same} were as they should be")
