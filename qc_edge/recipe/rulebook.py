"""The station's rules as they come and change: read together, each change on record before it
applies.

Reads calibrations and threshold records; decides nothing about parts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from qc_edge.engine.engine_thread import EngineThread
from qc_edge.recipe.active_model import ActiveModel
from qc_edge.recipe.in_force import InForceRecorder
from qc_edge.recipe.rules import INCOMING, Rules
from qc_edge.recipe.threshold_follower import ThresholdFollower, warn_of_settings
from qc_edge.records.calibrations import load_current
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.ledger import Ledger


class JudgesByRules(Protocol):
    """Whoever judges by the rules in force: each frame keeps those that it began with."""

    rules: Rules


class RuleBook:
    """Replaces an inspector's rules, one change at a time, from any thread.

    `note` writes an event: kind, detail, before, after, who, why.
    """

    def __init__(self, paths: StationPaths, note: Callable[..., None]) -> None:
        self._paths = paths
        self._note = note
        self._thresholds = ThresholdFollower(paths.thresholds, note)
        self._in_force: InForceRecorder | None = None
        self._lock = threading.Lock()

    def load(
        self, settings: Settings, engine_thread: EngineThread, active_model: ActiveModel
    ) -> Rules:
        """What frames are judged by under `settings`, by the engine of `active_model` that is ready
        in `engine_thread`.

        Raises CalibrationError, ThresholdError.
        """
        names = [*(each.name for each in settings.camera), INCOMING]
        calibrations = {name: load_current(self._paths.calibration, name) for name in names}
        record = self._thresholds.read(engine_thread.bundle.sha256, utc_now())
        return Rules(settings, calibrations, engine_thread, active_model, record)

    def reload(self, settings: Settings, rules: Rules) -> Rules:
        """The same model and engine under `settings`. Raises CalibrationError, ThresholdError."""
        return self.load(settings, rules.engine_thread, rules.active_model)

    def begin(self, rules: Rules, ledger: Ledger) -> None:
        """At the start, before anything is judged: whatever has changed since the last run has its
        event.
        """
        self._thresholds.tell(ledger.last_threshold_id(), rules)
        self._in_force = InForceRecorder(ledger, self._paths.settings_history, self._note)
        self._in_force.begin(rules)

    def apply(self, inspector: JudgesByRules, rules: Rules) -> None:
        """From the next frame on. Raises CalibrationError, ThresholdError."""
        with self._lock:
            if (
                rules.engine_thread is not inspector.rules.engine_thread
            ):  # another engine came since they were read
                rules = self.reload(rules.settings, inspector.rules)
            self._turn(inspector, rules)

    def follow(self, inspector: JudgesByRules) -> None:
        """Take up threshold records that are new or whose time has come."""
        with self._lock:
            if rules := self._thresholds.follow(inspector.rules):
                self._turn(inspector, rules)

    def move(
        self, inspector: JudgesByRules, engine_thread: EngineThread, active_model: ActiveModel
    ) -> None:
        """Between two frames: the engine in `engine_thread` judges from here on, the one before is
        let go.

        Raises CalibrationError, ThresholdError; then nothing has changed.
        """
        with self._lock:
            before = inspector.rules
            after = self.load(before.settings, engine_thread, active_model)
            if self._in_force:
                self._in_force.move(after)
            self._thresholds.tell(before.threshold.threshold_id, after)
            inspector.rules = after
        before.engine_thread.close()

    def _turn(self, inspector: JudgesByRules, after: Rules) -> None:
        """The changes have their rows before any part is judged by them."""
        self._thresholds.tell(inspector.rules.threshold.threshold_id, after)
        warn_of_settings(inspector.rules, after)
        if self._in_force:
            self._in_force.turn(after)
        inspector.rules = after
