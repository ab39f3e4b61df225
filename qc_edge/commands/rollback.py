"""`qc-edge rollback`: the box goes back to the software's version before, and forward again."""

from __future__ import annotations

import typer

from qc_edge.terminal.options import out


def command() -> None:
    """Take the software, its units and the stations back to the version before, in one step.

    Made for boxes that have the Debian package, which keeps the version before. Stations that run
    are restarted in it, with the same settings, records and log; one whose settings or records that
    version would refuse is left running as it is. The same command again goes forward. The log
    stays as it is: what a newer version has added to it stays empty meanwhile.

    Exit code 1 if a station that ran does not run any more.

    [dim]Example:[/dim]
      [bold]sudo qc-edge rollback[/bold]
    """
    import os
    import subprocess
    from pathlib import Path

    from qc_edge.errors import RightsError
    from qc_edge.setup.changeover import change_over
    from qc_edge.setup.software import (
        TOP,
        installed_software,
        lay_down,
        refuse_unreadable_log,
        switch,
    )
    from qc_edge.setup.system_files import systemd_version

    if os.geteuid() != 0:
        raise RightsError("only root can change the software", hint="sudo qc-edge rollback")
    before, then = installed_software(TOP)
    refuse_unreadable_log(before, then)
    console = out()
    console.print(f"from {before.version} to {then.version}", markup=False)
    lay_down(Path("/"), then, before, systemd_version())
    switch(TOP, then, before)
    subprocess.run(["systemctl", "daemon-reload"], check=False)
    well = change_over(then, lambda words: console.print(f"  {words}", markup=False))
    again = before.directory / "bin/qc-edge"
    console.print(f"to go to {before.version} again: sudo {again} rollback", markup=False)
    if not well:
        raise typer.Exit(1)
