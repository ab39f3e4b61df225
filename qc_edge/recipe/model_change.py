"""Changes of a station's model as records: activate, roll back, accept. The station takes them up
itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.acceptance import Acceptance, MovedScores
from qc_edge.domain.activation import STATION_RECIPE, Activation
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.domain.in_force import InForce, record_kind
from qc_edge.domain.threshold import record_id
from qc_edge.errors import UsageError
from qc_edge.query.last_snapshot import last_snapshot
from qc_edge.recipe.active_model import active_reference, open_signed_bundle
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.request import current_recipe
from qc_edge.records import acceptances, activations, changeovers, recipes
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, Settings, StationPaths, load_settings

WAIT_S = 600.0
"""A running station may have to compile the new engine first."""


@dataclass(frozen=True, slots=True)
class CurrentModel:
    """The model of a station as a command sees it: settings, activations, whether it runs."""

    settings: Settings
    history: DecisionHistory[Activation]
    running: bool

    @property
    def reference(self) -> str:
        """NAME@VERSION in force, or that will be at the first start."""
        return active_reference(self.history, self.settings.model)

    @classmethod
    def of(cls, paths: StationPaths, *, allow_damaged: bool = False) -> CurrentModel:
        """Read it from the station's files.

        Raises SettingsError, and ModelError on a damaged record unless that is allowed: a new
        activation is the way out of it.
        """
        settings = load_settings(paths.settings)
        running = holder_of(paths.lock(Role.INSPECT)) is not None
        history = activations.load(paths.activations, allow_damaged=allow_damaged)
        return cls(settings, history, running)

    def judges_by(self, bundle: Bundle, last: InForce | None) -> bool:
        """True if `bundle` is in force, file by file; `last` is what the log says was so last."""
        if bundle.reference != self.reference:
            return False
        if self.history.in_force is not None and (
            self.history.in_force.bundle_sha256 != bundle.digest
        ):
            return False
        # Otherwise a station whose activation or bundle was lost could not be given another one.
        return last is None or not last.records or self._is_logged(bundle, last)

    def _is_logged(self, bundle: Bundle, last: InForce) -> bool:
        activation = self.history.in_force
        logged = {path for path in last.records if record_kind(path) == "activations"}
        ours = {f"activations/{activation.record_id}.toml"} if activation else set()
        return logged <= ours and last.records.get(bundle.record) in (None, bundle.digest)


@dataclass(frozen=True, slots=True)
class OwnBundles:
    """The views that an activation leaves as they are, with their bundles (NAME@VERSION): those of
    the `recipe` in force, or of the settings (None).
    """

    recipe: str | None
    views: Mapping[str, str]

    @classmethod
    def of(cls, paths: StationPaths, settings: Settings) -> OwnBundles:
        """Read them. Raises RecipeError if the recipe in force is not as it was made."""
        reference = current_recipe(changeovers.load_recent(paths.changeovers)[0])
        if reference == STATION_RECIPE:
            return cls(None, {each.name: each.bundle for each in settings.view if each.bundle})
        content = recipes.load(paths.recipes, reference).content
        return cls(reference, {each.name: each.bundle for each in content.view})


def activate(
    paths: StationPaths, now: CurrentModel, reference: str, attribution: Attribution
) -> Activation:
    """Record that `reference` (NAME@VERSION) is to judge. Raises UsageError, ModelError or
    StoreError.
    """
    bundle = open_signed_bundle(paths, now.settings.model, reference)
    if now.history.pending is None and now.judges_by(bundle, last_snapshot(paths)):
        raise UsageError(
            f"{bundle.reference} is in force already", hint=f"qc-edge model list {paths.name}"
        )
    approver = bundle.manifest.approved.by
    if now.settings.approval.model and approver.casefold() == attribution.by.casefold():
        raise UsageError(
            f"{approver} approved {bundle.reference}: somebody else activates it",
            hint="[approval] model in the settings asks for two people",
        )
    return _write(paths, now, bundle.reference, bundle.digest, "", attribution)


def roll_back(
    paths: StationPaths,
    now: CurrentModel,
    attribution: Attribution,
    refuse: Callable[[str], None] = lambda _: None,
) -> Activation:
    """Record that the bundle before is to judge again; `refuse` raises if that one must not. Raises
    UsageError if there is none.
    """
    rollback = now.history.undone_by_rollback()
    if rollback is None:
        raise UsageError(
            f"{paths.name} runs what its settings name, there is nothing to go back to",
            hint=f"qc-edge model activate {paths.name} NAME@VERSION --by WHO --reason TEXT",
        )
    undone, before = rollback
    reference = before.bundle if before else undone.before
    refuse(reference)
    bundle = open_signed_bundle(paths, now.settings.model, reference)
    return _write(paths, now, reference, bundle.digest, undone.record_id, attribution)


def accept(paths: StationPaths, attribution: Attribution) -> tuple[Acceptance, MovedScores]:
    """Record that the scores which kept the station from starting are right.

    Gives the record and the scores that had moved. Raises UsageError if nothing waits for that.
    """
    moved = acceptances.load_moved(paths.scores_moved)
    if moved is None:
        raise UsageError(
            f"no moved scores wait for a decision on {paths.name}",
            hint="a station finds out when it starts, or when a bundle is activated",
        )
    at = utc_now()
    record = Acceptance(
        record_id(at),
        paths.name,
        moved.bundle,
        moved.before.model,
        moved.before.engine,
        moved.after.model,
        moved.after.engine,
        moved.found,
        at,
        attribution.by,
        attribution.reason,
    )
    acceptances.write(paths.acceptances, record)
    for damaged in acceptances.sound_and_damaged(paths.acceptances)[1]:
        acceptances.set_aside(paths.acceptances, damaged, paths.set_aside)
    return record, moved


def wait_for_outcome(paths: StationPaths, record: Activation, timeout_s: float = WAIT_S) -> str:
    """What the running station made of it: `in force` or `refused: ...`; "" if it has not decided
    by then.
    """
    pause, end = threading.Event(), time.monotonic() + timeout_s
    while time.monotonic() < end and holder_of(paths.lock(Role.INSPECT)) is not None:
        if record.record_id in (history := activations.load(paths.activations)).outcomes:
            return history.state(record)
        pause.wait(0.1)
    return ""


def read_status(paths: StationPaths) -> dict[str, Any]:
    """What the station last said of itself; empty if it says nothing."""
    try:
        status: dict[str, Any] = json.loads(paths.status.read_bytes())
    except (OSError, ValueError):
        return {}
    return status


def _write(
    paths: StationPaths,
    now: CurrentModel,
    reference: str,
    digest: str,
    undoes: str,
    attribution: Attribution,
) -> Activation:
    at = utc_now()
    record = Activation(
        record_id(at),
        paths.name,
        reference,
        digest,
        now.reference,
        undoes,
        at,
        attribution.by,
        attribution.reason,
    )
    activations.write(paths.activations, record)
    for damaged in activations.damaged(paths.activations):
        activations.set_aside(paths.activations, damaged, paths.set_aside)
    return record
