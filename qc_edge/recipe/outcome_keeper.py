"""What became of decisions, kept beside their records; what the disk refuses is tried again."""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.decisions import DecisionRecord, Outcome
from qc_edge.errors import StoreError
from qc_edge.records.outcomes import conclude
from qc_edge.service.logs import LOG


class OutcomeKeeper:
    """Used by one thread at a time. An outcome comes after its event, so that one may be late."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: dict[str, Outcome] = {}

    def keep(self, decision: DecisionRecord, outcome: Outcome) -> None:
        """Write the outcome; `retry` does it if the disk refuses now, or else the next start."""
        self._keep(decision.record_id, outcome)

    def retry(self) -> None:
        """Write what the disk has refused. Cheap if nothing waits."""
        for record_id, outcome in tuple(self._waiting.items()):
            self._keep(record_id, outcome)

    def _keep(self, record_id: str, outcome: Outcome) -> None:
        try:
            conclude(self._directory, record_id, outcome)
        except StoreError as fault:
            if record_id not in self._waiting:
                LOG.error("not kept yet what became of %s: %s", record_id, fault)
            self._waiting[record_id] = outcome
        else:
            self._waiting.pop(record_id, None)
