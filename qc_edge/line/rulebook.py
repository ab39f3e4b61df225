"""The station's rules as they come and change: read together, each change on record before it applies.

Reads calibrations and threshold records; decides nothing about parts.
"""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.engine.seat import EngineSeat
from qc_edge.line.in_force import InForceBook
from qc_edge.line.rules import INCOMING, Rules
from qc_edge.line.thresholds import ThresholdBook, warn_of_settings
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.calibrations import load_current
from qc_edge.store.ledger import Ledger


class RuleBook:
    """Used by one thread at a time. `note` writes an event: kind, detail, before, after, who, why."""

    def __init__(self, paths: StationPaths, note: Callable[..., None]) -> None:
        self._paths = paths
        self._note = note
        self._thresholds = ThresholdBook(paths.thresholds, note)
        self._in_force: InForceBook | None = None

    def load(self, settings: Settings, seat: EngineSeat) -> Rules:
        """What frames are judged by under `settings`, by the engine that is ready in `seat`.

        Raises CalibrationError, ThresholdError.
        """
        names = [*(each.name for each in settings.camera), INCOMING]
        calibrations = {name: load_current(self._paths.calibration, name) for name in names}
        record = self._thresholds.read(seat.bundle.sha256, utc_now())
        return Rules(settings, calibrations, seat, record)

    def begin(self, rules: Rules, ledger: Ledger) -> None:
        """At the start, before anything is judged: whatever has changed since the last run has its event."""
        self._thresholds.tell(ledger.last_threshold_id(), rules)
        self._in_force = InForceBook(ledger, self._paths.settings_kept, self._note)
        self._in_force.begin(rules)

    def follow(self, rules: Rules) -> Rules | None:
        """`rules` with the threshold record that is new or whose time has come; None if nothing changes."""
        return self._thresholds.follow(rules)

    def turn(self, before: Rules, after: Rules) -> None:
        """Called before any part is judged by `after`: its changes have their rows when this returns."""
        self._thresholds.tell(before.threshold.threshold_id, after)
        warn_of_settings(before, after)
        if self._in_force:
            self._in_force.turn(after)
