"""`qc-edge update sign`: what whoever releases an update does with it, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import out


def sign_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The files of one update.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key.")],
    notes: Annotated[str, typer.Option("--notes", help="One line about it.")] = "",
) -> None:
    """Write update.json, which names every file by its digest, and its signature beside it.

    The directory then goes to a web server, upstream or a stick labelled QC-EDGE (as update/). A
    box takes it if the key's public half is among the trusted_keys of its [update].

    [dim]Examples:[/dim]
      [bold]qc-edge model keygen release.key[/bold]
      [bold]qc-edge update sign dist/0.2.0 --key release.key[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.setup.update.manifest import sign_update

    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory", hint="the files of one update lie in it")
    manifest = sign_update(directory, key, notes)
    words = f"{len(manifest.files)} file(s), {manifest.size / 1e6:,.0f} MB"
    out().print(f"{manifest.kind} {manifest.version} is signed: {words}", markup=False)
