"""`qc-edge install`: make this box an appliance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.setup.network import Network
from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from qc_edge.setup.file_installer import Laying

Prefix = Annotated[
    Path | None,
    typer.Option(
        "--prefix", metavar="DIR", show_default=False,
        help="The box is under DIR: an image that is being built. Files and links alone, nothing is run.",
    ),
]  # fmt: skip
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.", show_default=False)
]


def command(
    station: Annotated[
        list[str] | None,
        typer.Option("--station", metavar="NAME", help="Also this station; repeat it.", show_default=False),
    ] = None,
    network: Annotated[
        Network,
        typer.Option("--network", help="The network of these stations; auto: what their settings need."),
    ] = Network.AUTO,
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
    """Lay down the systemd units, the user, the device rules and the kernel settings of an appliance.

    With --station: close that station's network if its settings need none, give it its files, and start
    it at every boot from now on. Doing it again changes nothing; a file that was edited by hand is kept
    beside the new one. The nightly sync stays off until it is enabled.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge install --station line1[/bold]
      [bold]qc-edge install --dry-run[/bold]
      [bold]qc-edge install --prefix image/root --systemd 257[/bold]
    """  # fmt: skip
    from qc_edge.setup.install import install

    stations = station or []
    under = prefix and prefix.absolute()
    laying = install(under, stations, network=network, systemd=systemd, dry=dry_run)
    show(laying, as_json=as_json)
    if not as_json and not under and not dry_run:
        for name in stations:
            out().print(f"next: [bold]systemctl start qc-edge@{name}[/bold]")


def show(laying: Laying, *, as_json: bool) -> None:
    """Every deed on a line of its own, those that changed nothing in one."""
    from dataclasses import asdict

    if as_json:
        print_json({"dry_run": laying.dry, "done": [asdict(deed) for deed in laying.deeds]})
        return
    console = out()
    if laying.dry:
        console.print("nothing is done, this would be:")
    told = [deed for deed in laying.deeds if deed.what != "same"]
    width = max((len(deed.what) for deed in told), default=0)
    for deed in told:
        console.print(f"  {deed.what:<{width}}  {deed.subject}", markup=False)
    if same := len(laying.deeds) - len(told):
        console.print(f"  {same} were as they should be")
