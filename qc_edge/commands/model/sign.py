"""`qc-edge model keygen` and `sign`: for whoever approves models, not on a station."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import out

KeyFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="Where the private key goes.", show_default=False)
]
Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The bundle's directory.", show_default=False)
]
Key = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="The private key.", show_default=False)
]


def keygen_command(file: KeyFile) -> None:
    """Make a key to sign bundles with, and print its public half for the stations' settings.

    Keep FILE where no station can read it: whoever has it can approve models.

    [dim]Examples:[/dim]
      [bold]qc-edge model keygen approval.pem[/bold]
    """
    from qc_edge.bundles.signing import make_key

    public = make_key(file.absolute())
    out().print("for the settings of every station that is to trust it:\n", markup=False)
    out().print(
        f'[model]\ntrusted_keys = ["{public} NAME"]\nrequire_signature = true', markup=False
    )


def sign_command(directory: Directory, key: Key) -> None:
    """Sign a bundle: every file is held to the manifest, and the manifest is signed.

    The signature stands beside the manifest and travels with the bundle.

    [dim]Examples:[/dim]
      [bold]qc-edge model sign models/flange/3 --key approval.pem[/bold]
    """
    from qc_edge.bundles.bundle import open_bundle
    from qc_edge.bundles.manifest import SIGNATURE
    from qc_edge.bundles.signing import sign_manifest
    from qc_edge.store.durable import write_file

    bundle = open_bundle(directory.absolute())
    public, content = sign_manifest(bundle, key.absolute())
    write_file(bundle.directory / SIGNATURE, content)
    out().print(f"{bundle.reference} signed with {public}", markup=False)
