"""Which bundle judges, as records: who put it in force, when, why, and what became of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Activation:
    """A person's decision that a bundle is to judge. Made once, never changed; times are aware UTC.

    `bundle` and `before` are NAME@VERSION; `bundle_sha256` is the digest of the manifest, which has
    that of every file. `undoes` is the id of the activation that a rollback takes back, else "".
    """

    record_id: str
    station: str
    bundle: str
    bundle_sha256: str
    before: str
    undoes: str
    made_at: datetime
    made_by: str
    reason: str

    @property
    def words(self) -> str:
        """Why this bundle judges: for status, log and lists."""
        verb = "rolled back to" if self.undoes else "activated"
        return f"{verb} by {self.made_by} on {self.made_at:%Y-%m-%d %H:%M} (UTC): {self.reason}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the station made of an activation: in force, or refused and why; at aware UTC."""

    applied: bool
    at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class ActivationHistory:
    """All activations of a station, oldest first, and what became of each; one without is to
    come.
    """

    activations: Sequence[Activation]
    outcomes: Mapping[str, Outcome]

    @property
    def in_force(self) -> Activation | None:
        """The newest that was applied; None: the settings say which bundle judges."""
        return next(filter(self._applied, reversed(self.activations)), None)

    @property
    def pending(self) -> Activation | None:
        """The newest, if the station has not decided on it yet."""
        newest = self.activations[-1] if self.activations else None
        return newest if newest and newest.record_id not in self.outcomes else None

    def undone_by_rollback(self) -> tuple[Activation, Activation | None] | None:
        """What a rollback takes back now, and the activation that is in force then (None: see its
        `before`).

        None if there is nothing to take back.
        """
        standing: list[Activation] = []
        for activation in filter(self._applied, self.activations):
            if activation.undoes:
                standing = standing[:-1]
            else:
                standing.append(activation)
        if not standing:
            return None
        return standing[-1], standing[-2] if len(standing) > 1 else None

    def state(self, activation: Activation) -> str:
        """What has become of it, in words."""
        outcome = self.outcomes.get(activation.record_id)
        if activation == self.in_force:
            return "in force"
        if outcome is not None:
            return "earlier" if outcome.applied else f"refused: {outcome.detail}"
        return "to come" if activation == self.pending else "overtaken"

    def _applied(self, activation: Activation) -> bool:
        outcome = self.outcomes.get(activation.record_id)
        return outcome is not None and outcome.applied
