"""Whether the model bundle is whole and the engine of this machine scores its golden frames as it should."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.checkup.finding import Seen, ok
from qc_edge.engine import Site, load_engine
from qc_edge.engine.bundle import load_bundle, self_test
from qc_edge.settings import Settings, StationPaths
from qc_edge.settings.paths import shipped


def check_model(paths: StationPaths, settings: Settings) -> Iterator[Seen]:
    """Load the bundle and the engine as the station does, and run the golden frames through them."""
    bundle = load_bundle(settings.model.bundle, [paths.models, shipped("models")])
    yield ok(f"{bundle.reference}, model sha256 {bundle.sha256[:12]}")
    engine = load_engine(bundle, settings.engine, Site(paths.plans))
    try:
        self_test(engine, bundle)
        info = engine.info
        yield ok(f"{info.backend} {info.version} on {info.device}: golden frames agree; {info.reason}")
    finally:
        engine.close()
