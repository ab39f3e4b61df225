"""Whether the station has what is revoked, and what is staged for it."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.diagnostics.finding import Finding, fault, ok, warning
from qc_edge.recipe.model_change import CurrentModel
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.upstream.releases.staged import known_manifest, revoked_here


def check_released(paths: StationPaths) -> Iterator[Finding]:
    """By the newest manifest that was accepted; nothing where there is none. Raises StoreError."""
    manifest = known_manifest(paths)
    if manifest is None:
        return
    in_force = CurrentModel.of(paths, allow_damaged=True).reference
    for each in revoked_here(paths):
        said = f"{each.kind} {each.name} is revoked: {each.why}"
        if each.kind == "bundle" and each.name == in_force:
            yield fault(
                f"{said}; it judges", f"qc-edge model activate {paths.name} another, or rollback"
            )
        else:
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
