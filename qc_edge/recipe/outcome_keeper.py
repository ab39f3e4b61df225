"""What became of activations, kept beside their records; what the disk refuses is tried again."""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.activation import Activation, Outcome
from qc_edge.errors import StoreError
from qc_edge.records import activations
from qc_edge.service.logs import LOG


class OutcomeKeeper:
    """Used by one thread at a time. An outcome comes after its event, so that one may be late."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: dict[Activation, Outcome] = {}

    def keep(self, activation: Activation, outcome: Outcome) -> None:
        """Write the outcome; `retry` does it if the disk refuses now, or else the next start."""
        try:
            activations.conclude(self._directory, activation.record_id, outcome)
        except StoreError as fault:
            if activation not in self._waiting:
                LOG.error("not kept yet what became of %s: %s", activation.bundle, fault)
            self._waiting[activation] = outcome
        else:
            self._waiting.pop(activation, None)

    def retry(self) -> None:
        """Write what the disk has refused. Cheap if nothing waits."""
        for activation, outcome in tuple(self._waiting.items()):
            self.keep(activation, outcome)
