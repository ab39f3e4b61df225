"""`qc-edge uninstall`: take the appliance away, keep its data."""

from __future__ import annotations

from qc_edge.commands.install import DryRun, Prefix, show
from qc_edge.terminal.options import Json


def command(prefix: Prefix = None, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Stop all stations and remove what `qc-edge install` laid down; settings, records and evidence
    stay.

    The user qc-edge stays too: the kept files are its own. What a Debian package has brought goes
    with the package.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge uninstall[/bold]
      [bold]qc-edge uninstall --dry-run[/bold]
    """
    from qc_edge.setup.install import uninstall

    show(uninstall(prefix and prefix.absolute(), dry=dry_run), as_json=as_json)
