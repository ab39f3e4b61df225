"""Changes of a station's model as records: activate, roll back, accept. The station takes them up
itself.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from qc_edge.domain.acceptance import Acceptance, MovedScores
from qc_edge.domain.activation import Activation, ActivationHistory
from qc_edge.domain.threshold import record_id
from qc_edge.errors import UsageError
from qc_edge.recipe.active_model import chosen_reference, opened
from qc_edge.records import acceptances, activations
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, Settings, StationPaths, load_settings

WAIT_S = 600.0
"""A running station may have to compile the new engine first."""


@dataclass(frozen=True, slots=True)
class CurrentModel:
    """What judges on a station, and whether it runs."""

    settings: Settings
    history: ActivationHistory
    running: bool

    @property
    def reference(self) -> str:
        """NAME@VERSION in force, or that will be at the first start."""
        return chosen_reference(self.history, self.settings.model)

    @classmethod
    def of(cls, paths: StationPaths) -> CurrentModel:
        """Of this station. Raises SettingsError, ModelError."""
        settings = load_settings(paths.settings)
        running = holder_of(paths.lock(Role.INSPECT)) is not None
        return cls(settings, activations.load(paths.activations), running)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who answers for a change, and why: one line of text each."""

    by: str
    reason: str

    @classmethod
    def parse(cls, by: str | None, reason: str | None) -> Attribution:
        """From the words of a command. Raises UsageError that says what is missing."""
        said = {"--by": (by or "").strip(), "--reason": (reason or "").strip()}
        for option, text in said.items():
            if not text or not text.isprintable():
                raise UsageError(
                    f"{option} is {'missing' if not text else 'no single line of text'}",
                    hint="a change is on record with who and why: --by WHO --reason TEXT",
                )
        return cls(said["--by"], said["--reason"])


def activate(
    paths: StationPaths, now: CurrentModel, reference: str, said: Attribution
) -> Activation:
    """Record that `reference` (NAME@VERSION) is to judge. Raises UsageError, ModelError or
    StoreError.
    """
    bundle = opened(paths, now.settings.model, reference)
    if (
        now.history.pending is None
        and bundle.reference == now.reference
        and _is_same(now, bundle.digest)
    ):
        raise UsageError(
            f"{bundle.reference} is in force already", hint=f"qc-edge model list {paths.name}"
        )
    return _write(paths, now, bundle.reference, bundle.digest, "", said)


def roll_back(paths: StationPaths, now: CurrentModel, said: Attribution) -> Activation:
    """Record that the bundle before is to judge again. Raises UsageError if there is none."""
    found = now.history.undone_by_rollback()
    if found is None:
        raise UsageError(
            f"{paths.name} runs what its settings name, there is nothing to go back to",
            hint=f"qc-edge model activate {paths.name} NAME@VERSION --by WHO --reason TEXT",
        )
    undone, before = found
    reference = before.bundle if before else undone.before
    bundle = opened(paths, now.settings.model, reference)
    return _write(paths, now, reference, bundle.digest, undone.record_id, said)


def accept(paths: StationPaths, said: Attribution) -> tuple[Acceptance, MovedScores]:
    """Record that the scores which kept the station from starting are right, and what had moved.

    Raises UsageError if nothing waits for that.
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
        said.by,
        said.reason,
    )
    acceptances.write(paths.acceptances, record)
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


def status_of(paths: StationPaths) -> dict[str, Any]:
    """What the station last said of itself; empty if it says nothing."""
    try:
        found: dict[str, Any] = json.loads(paths.status.read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def _write(
    paths: StationPaths,
    now: CurrentModel,
    reference: str,
    digest: str,
    undoes: str,
    said: Attribution,
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
        said.by,
        said.reason,
    )
    activations.write(paths.activations, record)
    return record


def _is_same(now: CurrentModel, digest: str) -> bool:
    return now.history.in_force is None or now.history.in_force.bundle_sha256 == digest
