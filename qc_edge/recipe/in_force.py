"""What the station runs on, written into the log, and how it differs from what it ran on before.

Software, model, engine, calibrations and settings that changed between two runs each get an event
with before and after; what changes live has its event already. Decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.acceptance import ScoreSource
from qc_edge.engine import EngineInfo
from qc_edge.errors import StoreError
from qc_edge.recipe.rules import Rules
from qc_edge.service.logs import LOG
from qc_edge.settings import Role
from qc_edge.settings.change import differences, settings_text
from qc_edge.store.durable import write_file
from qc_edge.store.ledger import Ledger

KIND = "in_force"
"""Of the event that holds all of it, as JSON in `after`."""

_FOUND = "found at the start"
_DIGITS = 12

Note = Callable[..., None]
"""Writes an event: kind, detail, before, after, who, why."""


@dataclass(frozen=True, slots=True)
class InForce:
    """One state of everything that verdicts depend on. `settings` is the digest of the kept
    settings.
    """

    software: str
    model: str
    engine: str
    threshold: str
    calibrations: dict[str, str]
    settings: str

    @classmethod
    def of(cls, rules: Rules) -> InForce:
        """What these rules are."""
        scores = judging(rules.bundle, rules.engine)
        return cls(
            software=rules.software_version,
            model=scores.model,
            engine=scores.engine,
            threshold=rules.threshold.threshold_id,
            calibrations={
                camera: each.calibration_id for camera, each in rules.calibrations.items()
            },
            settings=rules.digest,
        )

    def to_json(self) -> str:
        """As the event has it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> InForce:
        """The inverse. Raises ValueError, KeyError or TypeError on foreign content."""
        return cls(**json.loads(text))


def judging(bundle: Bundle, engine: EngineInfo) -> ScoreSource:
    """What scores come from, in the words of the log."""
    plan = f", plan {engine.plan_sha256[:_DIGITS]}" if engine.plan_sha256 else ""
    return ScoreSource(
        f"{bundle.reference} sha256 {bundle.sha256}",
        f"{engine.backend} {engine.version} on {engine.device}{plan}",
    )


def judging_last(ledger: Ledger) -> ScoreSource | None:
    """What scores came from when this was written last; None if it was not, or by another
    version.
    """
    last = _last(ledger)
    return ScoreSource(last.model, last.engine) if last else None


def _last(ledger: Ledger) -> InForce | None:
    text = ledger.last_event_after(KIND)
    try:
        return InForce.from_json(text) if text else None
    except (ValueError, KeyError, TypeError):
        return None  # of a version that wrote it otherwise


class InForceRecorder:
    """Used by one thread at a time. `directory` keeps every settings that were ever in force, by
    digest.
    """

    def __init__(self, ledger: Ledger, directory: Path, note: Note) -> None:
        self._ledger = ledger
        self._directory = directory
        self._note = note
        self._written: InForce | None = None

    def begin(self, rules: Rules) -> None:
        """At the start, before anything is judged: what has changed since the last run, each an
        event.
        """
        self._written = _last(self._ledger)
        if self._written:
            self._tell_judging(self._written, rules, f" ({_FOUND})")
            for kind, words, before, after in self._changes(self._written, rules):
                self._note(kind, f"{words} ({_FOUND})", before, after)
        self.turn(rules)

    def move(self, rules: Rules) -> None:
        """Another model judges from here on: the events of that, and what is in force."""
        if self._written:
            self._tell_judging(self._written, rules, "")
        self.turn(rules)

    def _tell_judging(self, old: InForce, rules: Rules, found: str) -> None:
        """Model and engine, each if it has changed; with who and why, if a person has activated
        it.
        """
        now, activation = InForce.of(rules), rules.active_model.activation
        if old.model != now.model:
            words = f"{old.model} -> {now.model}"
            if activation:
                words = f"{words}, {activation.words}"
                self._note(
                    "model", words, old.model, now.model, activation.made_by, activation.reason
                )
            else:
                self._note("model", f"{words}{found}", old.model, now.model)
        if old.engine != now.engine:
            self._note("engine", f"{old.engine} -> {now.engine}{found}", old.engine, now.engine)

    def turn(self, rules: Rules) -> None:
        """Write what is in force from now on, if it is something else than before."""
        now = InForce.of(rules)
        if now == self._written:
            return
        kept = self._directory / f"{now.settings}.json"
        try:
            if not kept.exists():
                write_file(kept, settings_text(rules.settings).encode())
        except StoreError as fault:
            LOG.error("%s; the next start keeps them", fault)
            return
        words = f"{rules.bundle.reference} on {now.engine}, threshold {now.threshold}"
        self._note(KIND, f"{words}, settings {now.settings[:_DIGITS]}", None, now.to_json())
        self._written = now

    def _changes(
        self, old: InForce, rules: Rules
    ) -> Iterator[tuple[str, str, str | None, str | None]]:
        """(kind, words, before, after) of each; the threshold tells its own."""
        now = InForce.of(rules)
        if old.software != now.software:
            yield "software", f"{old.software} -> {now.software}", old.software, now.software
        for camera, calibration in now.calibrations.items():
            if (had := old.calibrations.get(camera)) != calibration:
                record = rules.calibrations[camera]
                words = f"{camera}: {calibration} by {record.made_by}, due {record.due_at:%Y-%m-%d}"
                yield "calibration", words, had, calibration
        if old.settings != now.settings:
            changes = differences(
                self._kept(old.settings), json.loads(settings_text(rules.settings))
            )
            for change in changes:
                yield "settings", str(change), str(change.before), str(change.after)

    def _kept(self, digest: str) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads((self._directory / f"{digest}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return kept


def described(roles: tuple[Role, ...], rules: Rules | None) -> str:
    """What a station starts with, in words."""
    words = " and ".join(map(str, roles))
    if rules is None:
        return words
    engine = rules.engine
    return (
        f"{words}; {rules.bundle.reference} on {engine.backend} {engine.version} "
        f"({engine.reason}); "
        f"threshold {rules.threshold.threshold_id}"
    )
