"""`qc-edge model keygen`, `sign` and `approve`: for whoever approves models, not on a station."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.history_options import text_option
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

MaybeKey = Annotated[Path | None, text_option("--key", metavar="FILE", help="Sign with this key.")]
Report = Annotated[
    Path, typer.Argument(metavar="REPORT", help="What evaluate --json said.", show_default=False)
]
By = Annotated[str, text_option("--by", metavar="WHO", help="Who approves it.")]


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


def approve_command(directory: Directory, report: Report, by: By, key: MaybeKey = None) -> None:
    """Approve a bundle for what an evaluation found on parts that it had not seen.

    REPORT is what [bold]qc-edge evaluate --json[/bold] has printed of this very bundle. Refused if
    one of its pictures was used to make the bundle, by digest. The record goes beside the manifest
    and travels with the bundle; a station with model.require_evaluation takes no other.

    [dim]Examples:[/dim]
      [bold]qc-edge model approve bundles/flange/4 report.json --by anna --key approval.pem[/bold]
    """
    from qc_edge.bundles.bundle import open_bundle
    from qc_edge.bundles.evaluated import evaluation_file
    from qc_edge.bundles.manifest import EVALUATION
    from qc_edge.store.durable import write_file
    from qc_edge.training.approving import approve

    bundle = open_bundle(directory.absolute())
    found = approve(bundle, report.absolute(), by)
    write_file(bundle.directory / EVALUATION, evaluation_file(found, key and key.absolute()))
    out().print(
        f"{bundle.reference} approved by {by}: ROC AUC {found.auc:.3f}, {found.escapes} of "
        f"{found.bad} escapes and {found.overkill} of {found.good} overkill on {found.dataset} "
        f"({found.dataset_sha256[:12]}), report {found.report_sha256[:12]}",
        markup=False,
    )
