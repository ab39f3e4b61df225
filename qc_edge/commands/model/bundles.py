"""`qc-edge model list`, `show`, `verify` and `install`: the bundles of a station."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qc_edge.bundles.bundle import Bundle
    from qc_edge.recipe.model_change import CurrentModel
    from qc_edge.recipe.model_listing import ListedBundle

MaybeRef = Annotated[
    str | None,
    typer.Argument(
        metavar="REF",
        help="NAME@VERSION or a bundle's directory; the one in force if left out.",
        show_default=False,
    ),
]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="PATH",
        help="A bundle's directory, or .tar, .tar.gz, .tgz, .zip.",
        show_default=False,
    ),
]


def list_command(name: Name, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """List the bundles of a station, every activation with who and why, and which one judges.

    Every file of every bundle is held to its digest; one that is torn or was edited says so.

    [dim]Examples:[/dim]
      [bold]qc-edge model list line1[/bold]
    """
    from qc_edge.recipe.model_change import CurrentModel, read_status
    from qc_edge.recipe.model_listing import list_bundles
    from qc_edge.settings import StationPaths

    paths = StationPaths(root.absolute(), name)
    current = CurrentModel.of(paths)
    bundles = list(list_bundles(paths, current))
    news = read_status(paths).get("model_news", "") if current.running else ""
    if as_json:
        activations = [
            {**asdict(activation), "state": current.history.state(activation)}
            for activation in current.history.decisions
        ]
        print_json(
            {
                "in_force": current.reference,
                "news": news,
                "bundles": [asdict(bundle) for bundle in bundles],
                "activations": activations,
            }
        )
    else:
        _print_list(current, bundles, news)


def show_command(
    name: Name, ref: MaybeRef = None, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Show what a bundle is: its input, its score, threshold, training, approval, files and
    signature.

    [dim]Examples:[/dim]
      [bold]qc-edge model show line1[/bold]
      [bold]qc-edge model show line1 reference@1 --json[/bold]
    """
    from qc_edge.bundles.signing import check_signature
    from qc_edge.recipe.model_change import CurrentModel
    from qc_edge.recipe.model_listing import find_bundle
    from qc_edge.settings import StationPaths

    paths = StationPaths(root.absolute(), name)
    current = CurrentModel.of(paths)
    bundle = find_bundle(paths, ref, current)
    values = _json_values(bundle) | {"signature": check_signature(bundle, current.settings.model)}
    if as_json:
        print_json(values)
        return
    console = out()
    for key, value in values.items():
        if isinstance(value, dict):
            console.print(f"[bold]{key}[/bold]")
            for inner, text in value.items():
                console.print(f"  {inner}: {text}", markup=False)
        else:
            console.print(f"[bold]{key}[/bold]: {value}")


def verify_command(
    name: Name, ref: MaybeRef = None, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Prove a bundle here and now: files, signature, and golden frames on this machine's engine.

    Nothing is changed; the station may be running. Exit code 65 and the reason if it is not fit to
    judge.

    [dim]Examples:[/dim]
      [bold]qc-edge model verify line1[/bold]
      [bold]qc-edge model verify line1 flange@3[/bold]
    """
    from qc_edge.recipe.model_change import CurrentModel
    from qc_edge.recipe.model_listing import find_bundle, verify
    from qc_edge.settings import StationPaths

    paths = StationPaths(root.absolute(), name)
    current = CurrentModel.of(paths)
    bundle = find_bundle(paths, ref, current)
    proofs = verify(bundle, current)
    if as_json:
        print_json({"bundle": bundle.reference, "sha256": bundle.digest, "found": proofs})
        return
    console = out()
    console.print(f"[bold green]{bundle.reference} is fit to judge[/bold green]")
    for proof in proofs:
        console.print(f"  {proof}", markup=False)


def install_command(
    name: Name, source: Source, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Install a bundle into a station: whole and as it was approved, or not at all.

    It does not judge yet: [bold]qc-edge model activate[/bold]. A version that is there already is
    never replaced by another content.

    [dim]Examples:[/dim]
      [bold]qc-edge model install line1 flange-3.tar.gz[/bold]
      [bold]qc-edge model install line1 /media/usb/flange/3[/bold]
    """
    from qc_edge.recipe.model_change import CurrentModel
    from qc_edge.recipe.model_install import install
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.releases.staged import refuse_revoked

    paths = StationPaths(root.absolute(), name)
    # As the station's user, who must be able to read the bundle.
    with acting_as_owner(paths.state):
        current = CurrentModel.of(paths)
        bundle, is_new = install(
            source.absolute(),
            paths.models,
            current.settings.model,
            lambda bundle: refuse_revoked(paths, "bundle", bundle.reference),
        )
    if as_json:
        print_json(
            {"bundle": bundle.reference, "directory": str(bundle.directory), "installed": is_new}
        )
        return
    outcome = "installed" if is_new else "was installed already, the same"
    out().print(f"[bold]{bundle.reference}[/bold] {outcome}: {bundle.directory}")
    out().print(
        f"to judge with it: qc-edge model activate {name} {bundle.reference} --by WHO --reason TEXT"
    )


def _json_values(bundle: Bundle) -> dict[str, Any]:
    """The manifest, what a person looks for first in front."""
    manifest = bundle.manifest.model_dump(mode="json")
    about = {key: manifest.pop(key) for key in ("description", "licence", "created")}
    first = {
        "bundle": bundle.reference,
        "directory": str(bundle.directory),
        "sha256": bundle.digest,
    }
    return (
        first | about | {key: manifest[key] for key in manifest if key not in {"name", "version"}}
    )


def _print_list(current: CurrentModel, bundles: Sequence[ListedBundle], news: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("bundle", "", "signature", "where"):
        table.add_column(heading, overflow="fold")
    for bundle in bundles:
        state = Text("in force", "bold green") if bundle.in_force else Text("")
        state = Text(bundle.fault, "bold red") if bundle.fault else state
        table.add_row(bundle.reference, state, bundle.signed, str(bundle.directory))
    console.print(table)
    if current.history.decisions:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("when (UTC)", "bundle", "by", "why", ""):
            table.add_column(heading, overflow="fold")
        for activation in current.history.decisions:
            verb = "back to " if activation.undoes else ""
            table.add_row(
                f"{activation.made_at:%Y-%m-%d %H:%M:%S}",
                f"{verb}{activation.bundle}",
                Text(activation.made_by),
                Text(activation.reason),
                Text(current.history.state(activation)),
            )
        console.print(table)
    if news:
        console.print(Text(news, "yellow"))
