"""Takes up the records of labels that wait: rows first, and only then the record goes.

Runs on the station's thread for upkeep. A crash at any step makes one row of each label: what has a
row already is known by its key.
"""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog
from qc_edge.domain.inspection import Label
from qc_edge.domain.label import Mask, misplaced, parse_regions
from qc_edge.errors import RecordError
from qc_edge.labels import drop
from qc_edge.labels.record import SaidLabel
from qc_edge.labels.record_taker import RecordTaker, RecordTaking
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.lookups import LabelTarget, label_targets, recorded_labels
from qc_edge.store.safe_read import read_regular_file

_PATIENCE_S = 60.0
"""A label may be of a frame whose row is still on its way."""


class LabelTaker:
    """Used by one thread."""

    def __init__(
        self, paths: StationPaths, ledger: Ledger, events: EventLog, clock: FrameClock
    ) -> None:
        self._paths = paths
        self._ledger = ledger
        self._clock = clock
        self._first_seen: dict[str, float] = {}
        taking = RecordTaking(paths, paths.labels, events, EventKind.LABEL_REFUSED)
        self._records = RecordTaker(taking, self._take)

    def look(self) -> None:
        """Take up what waits, as much as fits into a moment; never raises StoreError."""
        self._records.look()

    def _take(self, path: Path) -> None:
        """Rows of one record, unless it still waits for a frame."""
        first_seen = self._first_seen.pop(path.name, None)
        labels = drop.read(path, self._paths.name)
        by_key = {label.label_key: label for label in labels}
        self._ledger.apply()
        # Beside the commits: to look for old frames takes a while.
        with self._ledger.snapshot() as log:
            targets = label_targets(log, [label.frame_id for label in labels])
            known = recorded_labels(log, list(by_key))
        if any(label.frame_id not in targets for label in labels):
            now = time.monotonic()
            first_seen = now if first_seen is None else first_seen
            if now - first_seen < _PATIENCE_S:
                self._first_seen[path.name] = first_seen
                return
        for label in labels:
            self._check(label, targets.get(label.frame_id))
        rows = [self._row(label) for key, label in by_key.items() if key not in known]
        if rows:
            self._ledger.append(rows, utc_now())
            LOG.info("%d labels by %s", len(rows), rows[0].who)
        # Durable in the journal: only now may the record go.
        drop.retire(path)
        if rows:
            self._ledger.apply()

    def _check(self, label: SaidLabel, target: LabelTarget | None) -> None:
        """Raise RecordError for a label that is of nothing that the station has."""
        if target is None:
            raise RecordError(f"there is no frame {label.frame_id}")
        if label.part_id != target.part_id:
            raise RecordError(f"{label.frame_id} is part {target.part_id}, not {label.part_id}")
        if label.seen_sha256 not in (None, target.raw_sha256):
            raise RecordError(f"another picture than that of {label.frame_id} was looked at")
        regions = parse_regions(label.regions)
        if regions and (target.width is None or target.height is None):
            raise RecordError(f"the size of {label.frame_id} is not known")
        if words := misplaced(regions, target.width or 0, target.height or 0):
            raise RecordError(words)
        for region in regions:
            if isinstance(region, Mask):
                self._check_mask(region)

    def _check_mask(self, mask: Mask) -> None:
        path = drop.mask_path(self._paths, mask.sha256)
        try:
            data = read_regular_file(path, drop.MASK_MAX, "for a mask")
        except FileNotFoundError:
            raise RecordError(f"the mask {mask.sha256[:12]}… is missing") from None
        if sha256(data).hexdigest() != mask.sha256:
            raise RecordError(f"the mask {mask.sha256[:12]}… is not what its name says")

    def _row(self, label: SaidLabel) -> Label:
        return Label(
            label_id=self._clock.stamp("label").frame_id,
            recorded_at=utc_now(),
            station=self._paths.name,
            frame_id=label.frame_id,
            part_id=label.part_id,
            label=str(label.label),
            defect_class=label.defect_class,
            who=label.who,
            why=label.why,
            role=str(label.role),
            source=str(label.source),
            said_at=label.said_at,
            regions=label.regions,
            seen_sha256=label.seen_sha256,
            took_s=label.took_s,
            blind=label.blind,
            record_id=label.label_key,
        )
