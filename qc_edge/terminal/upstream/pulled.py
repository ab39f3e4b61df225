"""What `qc-edge sync --pull` has brought, for a terminal or a program."""

from __future__ import annotations

from qc_edge.settings import StationPaths
from qc_edge.terminal.options import out, print_json
from qc_edge.upstream.releases.manifest import ReleasedThing
from qc_edge.upstream.releases.pulling import PullReport
from qc_edge.upstream.releases.staged import next_step, place, revoked_here


def print_pulled(paths: StationPaths, pulled: PullReport, *, dry_run: bool, as_json: bool) -> None:
    """Say what is staged and what a person does with it."""
    manifest, console = pulled.manifest, out()
    if as_json:
        print_json(
            {
                "station": paths.name,
                "serial": manifest.serial if manifest else None,
                "would_stage" if dry_run else "staged": [_values(paths, t) for t in pulled.staged],
                "unchanged": [_values(paths, thing) for thing in pulled.unchanged],
                "cleared": pulled.cleared,
                "revoked": [each.model_dump() for each in (manifest.revoked if manifest else ())],
            }
        )
        return
    if manifest is None:
        console.print("nothing was published there yet: qc-edge fleet publish", markup=False)
        return
    verb = "would be staged" if dry_run else "is staged"
    for thing in pulled.staged:
        console.print(f"{thing.kind} {thing.name} {verb}", markup=False)
        if not dry_run:
            console.print(f"  {next_step(paths, thing.kind, thing.name)}", markup=False)
    for kind, name in pulled.cleared:
        console.print(f"{kind} {name} is no longer offered: cleared away", markup=False)
    if not dry_run:
        for each in revoked_here(paths):
            console.print(f"[red]revoked, and at this station[/red]: {each.kind} {each.name}")
    console.print(
        f"release {manifest.serial} by {manifest.by}: {len(pulled.unchanged)} things were staged "
        "before",
        markup=False,
    )


def _values(paths: StationPaths, thing: ReleasedThing) -> dict[str, str]:
    return {
        "kind": thing.kind,
        "name": thing.name,
        "directory": str(place(paths, thing.kind, thing.name)),
    }
