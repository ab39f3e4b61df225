"""`qc-edge fleet publish`: what is approved for the stations, signed and put upstream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.commands.fleet.compact import Endpoint, Region, Url
from qc_edge.commands.restore import HostKeys
from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from qc_edge.upstream.releases.manifest import Kind

Key = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="The private key.", show_default=False)
]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who approves.", show_default=False)]
Paths = list[Path]
Names = list[str]


def _adds(kind: str) -> object:
    return typer.Option(
        f"--{kind}", metavar="PATH", help=f"Offer this {kind}; may be repeated.", show_default=False
    )


def command(
    url: Url,
    key: Key,
    by: By,
    bundle: Annotated[Paths | None, _adds("bundle")] = None,
    recipe: Annotated[Paths | None, _adds("recipe")] = None,
    calibration: Annotated[Paths | None, _adds("calibration")] = None,
    settings: Annotated[Paths | None, _adds("settings")] = None,
    software: Annotated[Paths | None, _adds("software")] = None,
    station: Annotated[
        Names | None,
        typer.Option(
            "--for",
            metavar="STATION",
            help="For this station alone; may be repeated.",
            show_default=False,
        ),
    ] = None,
    withdraw: Annotated[
        Names | None,
        typer.Option(
            "--withdraw", metavar="KIND:NAME", help="Offer it no longer.", show_default=False
        ),
    ] = None,
    revoke: Annotated[
        Names | None,
        typer.Option(
            "--revoke",
            metavar="KIND:NAME",
            help="It must not be used any more.",
            show_default=False,
        ),
    ] = None,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="Why it is revoked.", show_default=False)
    ] = "",
    valid_days: Annotated[
        int | None,
        typer.Option(
            "--valid-days",
            metavar="DAYS",
            min=1,
            help="Stations refuse it afterwards; default: as the one before. Alone: it is renewed.",
            show_default=False,
        ),
    ] = None,
    endpoint: Endpoint = "",
    region: Region = "",
    host_key: HostKeys = None,
    as_json: Json = False,
) -> None:
    """Offer bundles, recipes, calibrations, layers of settings and software to the stations.

    Puts the files under URL and a new manifest, numbered and signed, which has all that the one
    before had. Stations that trust the key bring it with [bold]qc-edge sync NAME --pull[/bold];
    there it is staged, and comes into force by each thing's own command. Keep FILE where no station
    can read it. With [bold]--valid-days[/bold] a server cannot hold back news for longer: publish
    again within that time, if only to renew it.

    [dim]Examples:[/dim]
      [bold]qc-edge fleet publish s3://qc-archive/plant-1 --key approval.pem --by anna --bundle
      models/flange/3[/bold]
      [bold]qc-edge fleet publish file:///mnt/archive/plant-1 --key approval.pem --by anna --revoke
      bundle:flange@2 --why "misses stains"[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.upstream.releases.manifest import Revocation
    from qc_edge.upstream.releases.publishing import Change, publish
    from qc_edge.upstream.targets import Access, connect, place_at

    added: dict[Kind, Paths | None] = {
        "bundle": bundle,
        "recipe": recipe,
        "calibration": calibration,
        "settings": settings,
        "software": software,
    }
    if revoke and not why:
        raise UsageError("why it is revoked is missing", hint='--why "misses stains"')
    change = Change(
        add=[(kind, path.absolute()) for kind, paths in added.items() for path in paths or ()],
        withdraw=[_named(each) for each in withdraw or ()],
        revoke=[
            Revocation(kind=kind, name=name, why=why) for kind, name in map(_named, revoke or ())
        ],
        stations=tuple(station or ()),
        valid_days=valid_days,
    )
    if not (change.add or change.withdraw or change.revoke or valid_days):
        raise UsageError("nothing to publish", hint="--bundle, --recipe, ..., --valid-days")
    upstream = place_at(url, endpoint, region, host_key or ())
    with connect(upstream.url, Access.of(upstream)) as target:
        manifest = publish(target, key.absolute(), by, change)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    out().print(f"[bold]release {manifest.serial}[/bold] is at {upstream.url}, by {manifest.by}")
    if manifest.expires_at:
        out().print(f"  good until {manifest.expires_at:%Y-%m-%d %H:%M} UTC: publish again by then")
    for thing in manifest.things:
        only = f", for {', '.join(thing.stations)}" if thing.stations else ""
        out().print(f"  {thing.kind} {thing.name}{only}", markup=False)
    for each in manifest.revoked:
        out().print(f"  revoked: {each.kind} {each.name}: {each.why}", markup=False)


def _named(text: str) -> tuple[Kind, str]:
    from qc_edge.errors import UsageError
    from qc_edge.upstream.releases.manifest import KINDS

    kind, _, name = text.partition(":")
    for known in KINDS:
        if kind == known and name:
            return known, name
    raise UsageError(f"{text!r}: expected KIND:NAME", hint=f"KIND is one of {', '.join(KINDS)}")
