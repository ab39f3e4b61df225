"""Whether the model bundle is whole, and this machine's engine scores its golden frames right."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.signing import check_signature
from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.domain.activation import STATION_RECIPE
from qc_edge.engine import BuildContext, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import QcEdgeError
from qc_edge.recipe.active_model import open_active_model, open_signed_bundle
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.recipe_check import check_recipe
from qc_edge.recipe.changeover.request import current_recipe
from qc_edge.recipe.start_check import check_next_start
from qc_edge.records import acceptances, activations, changeovers
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths

_ACTIVATIONS_HINT = "qc-edge model list has every activation, and what became of it"
_MOVED_HINT = "go back to what judged before, or accept it: qc-edge model accept"


def check_records(paths: StationPaths, settings: Settings) -> Iterator[Finding]:
    """The records that the log says were in force last are there as they were.

    Raises RecordError, ThresholdError or ModelError as the station would at its start.
    """
    last = check_next_start(paths, settings, utc_now())
    if last is None:
        yield ok("the log says of none yet that it was in force")
    else:
        yield ok(f"{len(last.record_files())} files that decide are as the log says")


def check_model(paths: StationPaths, settings: Settings) -> Iterator[Finding]:
    """Load the bundle and the engine as the station does, and score the golden frames.

    Raises ModelError or EngineError as the station would at its start.
    """
    history = activations.load(paths.activations)
    active_model = open_active_model(paths, settings.model)
    bundle = active_model.bundle
    signed = check_signature(bundle, settings.model)
    yield ok(f"{bundle.reference}, model sha256 {bundle.sha256[:12]}, {signed}; {active_model.why}")
    newest = history.decisions[-1] if history.decisions else None
    if newest and newest != active_model.activation:
        yield warning(
            f"{newest.bundle}, {newest.words}: {history.state(newest)}", _ACTIVATIONS_HINT
        )
    if active_model.activation and settings.model.bundle != bundle.reference:
        yield warning(
            f"model.bundle = {settings.model.bundle} has no effect, an activation is in force",
            f"set it to {bundle.reference}, so that nobody is misled",
        )
    if (moved := acceptances.load_moved(paths.scores_moved)) is not None:
        yield warning(f"scores moved, and nobody has decided: {moved.found}", _MOVED_HINT)
    yield _try_engine(paths, settings, bundle, "")
    tried = {bundle.digest}
    for view in settings.view:
        if view.bundle is None:
            yield ok(f"view {view.name}, camera {view.camera}: {bundle.reference}")
            continue
        own = open_signed_bundle(paths, settings.model, view.bundle)
        of = f"view {view.name}, camera {view.camera}: "
        yield ok(f"{of}{own.reference}, model sha256 {own.sha256[:12]}")
        if own.digest not in tried:
            tried.add(own.digest)
            yield _try_engine(paths, settings, own, f"{own.reference}: ")
    if settings.shadow.bundle is not None:
        shadow = open_signed_bundle(paths, settings.model, settings.shadow.bundle)
        yield ok(f"shadow {shadow.reference}, model sha256 {shadow.sha256[:12]}")


def check_recipes(paths: StationPaths, settings: Settings) -> Iterator[Finding]:
    """The recipe in force, its views and their engines, and those that are to be resident.

    Raises RecipeError, ModelError or EngineError as the station would at its start.
    """
    history, _ = changeovers.load_recent(paths.changeovers)
    if history.pending:
        words = f"to come: {history.pending.recipe}, {history.pending.words}"
        yield warning(words, f"the station takes it up: qc-edge status {paths.name}")
    approved, current = ApprovedRecipes.of(paths), current_recipe(history)
    if current == STATION_RECIPE:
        yield ok("none in force: the settings judge")
    else:
        content = approved.load(current).content
        check_recipe(paths, settings, current, content)
        yield ok(f"{current} in force, {history.in_force.words if history.in_force else ''}")
        for view in content.view:
            threshold = "" if view.threshold is None else f", threshold {view.threshold:g}"
            yield ok(f"view {view.name}, camera {view.camera}: {view.bundle}{threshold}")
        own = open_active_model(paths, settings.model).bundle.reference
        for reference in sorted({view.bundle for view in content.view} - {own}):
            bundle = open_signed_bundle(paths, settings.model, reference)
            yield _try_engine(paths, settings, bundle, f"{reference}: ")
    for name in settings.recipe.resident:
        try:
            reference = approved.find(name)
            check_recipe(paths, settings, reference, approved.load(reference).content)
        except QcEdgeError as fault:
            yield warning(f"{name} is not resident: {fault.message}", fault.hint)


def _try_engine(paths: StationPaths, settings: Settings, bundle: Bundle, of: str) -> Finding:
    engine = load_engine(bundle, settings.engine, BuildContext(paths.plans))
    try:
        self_test(engine, bundle)
        info = engine.info
        on = f"{info.backend} {info.version} on {info.device}"
        return ok(f"{of}{on}: golden frames agree; {info.reason}")
    finally:
        engine.close()  # a station that runs on this GPU needs the memory
