"""Deletes the pictures that the rules let go: the rows first, durably, then the files.

Used by one thread of the one process that has the log open. A crash at any step is taken up again:
what has a row and is still there goes at the next start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.evidence.retention import RetentionClass
from qc_edge.domain.frame import FrameId
from qc_edge.labels import drop
from qc_edge.retention.candidates import Candidate, RetentionRules
from qc_edge.retention.judged import Relations
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger

_ASKED = 2_000
"""Inspections that one query gives: it reads a whole day."""

_BATCH = 50
"""Inspections whose rows are appended at once: a frame that comes meanwhile waits for them (some
milliseconds), and after a crash so many are looked at again.
"""

TABLES = Relations("inspections", "labels", "holds", "deletions")


@dataclass(slots=True)
class Deleted:
    """What a run has deleted. `is_over` is False where it was told to stop before the end."""

    inspections: int = 0
    files: int = 0
    size_bytes: int = 0
    is_over: bool = False


class Deleting:
    """`run` deletes what is due; `take_up` what a crash has left."""

    def __init__(
        self,
        paths: StationPaths,
        ledger: Ledger,
        disk: Disk,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """`now` is what ages are counted to (aware UTC): a clock that was stepped forward must not
        make everything old.
        """
        self._paths = paths
        self._ledger = ledger
        self._disk = disk
        self._now = now or utc_now

    def take_up(self) -> int:
        """Delete the files whose rows a run before a crash has written; how many. Raises
        StoreError.
        """
        # A run ends at the first file that does not go, so that only its last batch can be half;
        # its rows may stand in the journal alone.
        self._ledger.apply()
        rows = self._ask(
            "SELECT newest.frame_id, inspections.part_id, raw_path, prepared_path, map_path, "
            "newest.raw_sha256, newest.prepared_sha256, newest.map_sha256, pictures, "
            "retention_class FROM (SELECT * FROM deletions ORDER BY chain_seq DESC LIMIT $most) "
            "AS newest JOIN inspections ON inspections.frame_id = newest.frame_id",
            {"most": 2 * _BATCH},
        )
        left = [
            Candidate(
                FrameId(frame),
                part,
                dict(zip(EvidenceClass, values[:3], strict=True)),
                dict(zip(EvidenceClass, values[3:6], strict=True)),
                tuple(map(EvidenceClass, values[6].split())),
                RetentionClass(values[7]),
                0.0,
            )
            for frame, part, *values in rows
        ]
        count = self._unlink([path for each in left for path in each.files(self._paths.state)])
        if count:
            LOG.info("%d pictures that were being deleted when the station ended are gone", count)
        return count

    def run(
        self,
        settings: Settings,
        may_go_on: Callable[[], bool],
        is_pressed: Callable[[], bool] = lambda: False,
    ) -> Deleted:
        """Delete what is due while `may_go_on()`; while `is_pressed()` also what is not due yet,
        oldest first. Raises StoreError or DiskFullError; then whole batches have gone.
        """
        deleted = Deleted()
        rules = RetentionRules(self._paths, settings, self._now(), TABLES)
        for day in rules.days():
            if not may_go_on() or not self._run_day(rules, day, deleted, may_go_on, is_pressed):
                return deleted
        deleted.is_over = True
        return deleted

    def _run_day(
        self,
        rules: RetentionRules,
        day: date,
        deleted: Deleted,
        may_go_on: Callable[[], bool],
        is_pressed: Callable[[], bool],
    ) -> bool:
        """Whether the day is through."""
        while True:
            self._ledger.apply()
            said = self._said()
            found = rules.due(self._ask, day, _ASKED, pressed=is_pressed())
            own = [each for each in found if all(map(each.is_own, self._named(each)))]
            if len(own) < len(found):
                # A row that names a foreign file: it stays, and verify says what it is.
                foreign = len(found) - len(own)
                LOG.error("%d inspections of %s name files that are not theirs", foreign, day)
            if not own:
                return True
            was_pressed = is_pressed()
            for start in range(0, len(own), _BATCH):
                if not may_go_on():
                    return False
                self._ledger.apply()  # a row that stands in the journal alone is a word, too
                if self._said() != said or self._is_something_waiting():
                    break  # a hold or a label has come: what was found may be kept now
                if was_pressed and not is_pressed():
                    break
                self._delete(rules, own[start : start + _BATCH], deleted)
            else:
                if len(own) < len(found):
                    return True
                continue
            if self._is_something_waiting():
                return False  # it is taken up by this thread: come back later

    def _delete(self, rules: RetentionRules, batch: Sequence[Candidate], deleted: Deleted) -> None:
        files = {each.frame_id: each.files(self._paths.state) for each in batch}
        sizes = {frame: sum(map(_size, paths)) for frame, paths in files.items()}
        rows = [self._row(rules, each, sizes[each.frame_id]) for each in batch]
        # In this order: a picture without its row would be lost, not deleted.
        self._ledger.append(rows, utc_now())
        deleted.files += self._unlink([path for paths in files.values() for path in paths])
        deleted.inspections += len(batch)
        deleted.size_bytes += sum(sizes.values())
        self._ledger.apply()

    def _unlink(self, files: Sequence[Path]) -> int:
        for path in files:
            self._disk.unlink(path)
        for directory in {path.parent for path in files}:
            self._disk.sync_directory(directory)
        return len(files)

    def _row(self, rules: RetentionRules, candidate: Candidate, size: int) -> Deletion:
        pictures = " ".join(map(str, candidate.pictures))
        digests = {
            each: candidate.digests[each] if each in candidate.pictures else None
            for each in EvidenceClass
        }
        name = f"{candidate.frame_id} {pictures}"
        return Deletion(
            deletion_id=hashlib.sha256(name.encode()).hexdigest()[:32],
            recorded_at=utc_now(),
            station=self._paths.name,
            frame_id=candidate.frame_id,
            part_id=candidate.part_id,
            pictures=pictures,
            raw_sha256=digests[EvidenceClass.RAW],
            prepared_sha256=digests[EvidenceClass.PREPARED],
            map_sha256=digests[EvidenceClass.MAP],
            bytes=size,
            retention_class=str(candidate.retention_class),
            rule=rules.rule_words(candidate),
        )

    def _named(self, candidate: Candidate) -> list[str]:
        paths = (candidate.paths[each] for each in candidate.pictures)
        return [path for path in paths if path is not None]

    def _said(self) -> tuple[int, int]:
        """Changes with every word of a person that may keep a picture."""
        return self._ledger.newest_seq("labels"), self._ledger.newest_seq("holds")

    def _is_something_waiting(self) -> bool:
        """A hold or a dispute that was written and is no row yet counts already."""
        return any(drop.waiting(each) for each in (self._paths.holds, self._paths.labels))

    def _ask(self, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with self._ledger.snapshot() as log:
            return log.execute(query, dict(parameters)).fetchall()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
