"""Whether the station has what is revoked, and what is staged for it."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.diagnostics.finding import Finding, fault, ok, warning
from qc_edge.query.last_snapshot import last_snapshot
from qc_edge.recipe.model_change import CurrentModel, OwnBundles
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.upstream.releases.staged import known_manifest, revoked_here


def check_released(paths: StationPaths) -> Iterator[Finding]:
    """By the newest manifest that was accepted; nothing where there is none. Raises StoreError, and
    RecipeError if the recipe in force does not read.
    """
    manifest = known_manifest(paths)
    if manifest is None:
        return
    in_force = _in_force(paths)
    here = [(each.kind, each.name) for each in revoked_here(paths)]
    for each in manifest.revoked:
        said = f"{each.kind} {each.name} is revoked: {each.why}"
        if way_out := in_force.get((each.kind, each.name)):
            yield fault(f"{said}; it judges", way_out)
        elif (each.kind, each.name) in here:
            yield warning(f"{said}; it is at this station", "do not bring it into force again")
    if manifest.is_expired(utc_now()):
        yield warning(
            f"release {manifest.serial} was good until {manifest.expires_at:%Y-%m-%d}: a newer one "
            "is held back, or was never published",
            "ask whoever approves models to publish again; qc-edge sync NAME --pull says more",
        )
    count = len(manifest.for_station(paths.name))
    yield ok(
        f"release {manifest.serial} of {manifest.made_at:%Y-%m-%d}: {count} things are offered"
    )


def _in_force(paths: StationPaths) -> dict[tuple[str, str], str]:
    """Kind and name of what judges here, and what puts another in its place."""
    now, last = CurrentModel.of(paths, allow_damaged=True), last_snapshot(paths)
    own = OwnBundles.of(paths, now.settings)
    another = f"qc-edge recipe activate {paths.name} another, or rollback"
    if own.recipe is None:
        another = f"name another in {paths.settings}"
    found = {("bundle", each): another for each in own.views.values()}
    if own.recipe is not None:
        found |= {("recipe", each): another for each in (own.recipe, own.recipe.split("@")[0])}
    calibrations = last.calibrations.values() if last else ()
    found |= {("calibration", each): f"qc-edge calibrate {paths.name}" for each in calibrations}
    model = f"qc-edge model activate {paths.name} another, or rollback"
    return found | {("bundle", now.reference): model}
