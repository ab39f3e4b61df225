"""The log held against its anchors: up to where it is proven, and whether its end is still there.

What the audit of the chain cannot see: a log that was cut at its end, or computed anew as a whole,
agrees with itself. An anchor was told outside of it while it was being written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from qc_edge.audit.anchors.counted import AnchorOptions
from qc_edge.audit.anchors.journald import KeptAnchor
from qc_edge.audit.finding import AuditReport
from qc_edge.domain.anchor import ChainHead

_LATE = timedelta(minutes=3)
"""How much longer than the interval of anchors a log may go on behind the newest: journald keeps
messages in memory for half a minute, and a power cut takes those.
"""

_ALTERED = (
    "somebody has altered this log: keep the disk as it is. If the station was set up anew or "
    "restored from a backup, --since a time after that leaves out the anchors before"
)


@dataclass(slots=True)
class AnchorCheck:
    """One comparison of a station's log with the anchors that count (`kept`, at least one).

    `rows` are the log's rows with the anchored numbers and the newest, as far as it has them.
    """

    report: AuditReport
    options: AnchorOptions
    kept: Sequence[KeptAnchor]
    rows: Mapping[int, ChainHead]

    def check(self, last: int) -> None:
        """Hold the log, whose newest row is number `last`, against the anchors."""
        self._check_end(last)
        if agreeing := self._agreeing(last):
            self._report_proven(agreeing, last)
        if self.options.journal.is_sealed is False:
            self.report.note(
                "journal_not_sealed",
                "the journal is not sealed: root could have altered it unseen",
                self.options.journal.name,
                "sudo journalctl --setup-keys, and keep the verification key elsewhere; "
                "sudo journalctl --verify --verify-key=KEY then proves the journal itself",
            )

    def _check_end(self, last: int) -> None:
        newest = max(self.kept, key=_seq)
        if _seq(newest) <= last:
            return
        self.report.fault(
            "tail_cut",
            f"the log ends with row {last}, and row {_seq(newest)} was anchored: at least "
            f"{_seq(newest) - last} rows were cut off its end",
            _where(newest),
            _ALTERED,
        )

    def _agreeing(self, last: int) -> list[KeptAnchor]:
        """The anchors whose rows have their hash, by number; the others are one finding."""
        within = sorted((each for each in self.kept if _seq(each) <= last), key=_seq)
        differing = [each for each in within if not self._is_in_log(each)]
        if not differing:
            return within
        # Anchors that agree behind one that differs are of the log that was written anew.
        agreeing = [each for each in within if _seq(each) < _seq(differing[0])]
        number, before = _seq(differing[0]), _seq(agreeing[-1]) if agreeing else 0
        what = "has another hash in the log" if number in self.rows else "is not in the log"
        self.report.fault(
            "anchor_differs",
            f"row {number} was anchored and {what}, one of {len(differing):,} such: rows from "
            f"number {before + 1} to {number} or later were written anew",
            _where(differing[0]),
            _ALTERED,
        )
        return agreeing

    def _is_in_log(self, kept: KeptAnchor) -> bool:
        row = self.rows.get(_seq(kept))
        return row is not None and row.sha256 == kept.anchor.head.sha256

    def _report_proven(self, agreeing: Sequence[KeptAnchor], last: int) -> None:
        newest = agreeing[-1]
        head, behind = newest.anchor.head, last - _seq(newest)
        self.report.anchored_to = head
        self.report.note(
            "anchored",
            f"proven up to row {head.seq}, recorded {head.recorded_at:%Y-%m-%d %H:%M:%S} UTC, by "
            f"{len(agreeing):,} anchors; {behind:,} rows after it have none yet",
            _where(newest),
        )
        end = self.rows.get(last)
        most = _LATE + timedelta(seconds=self.options.every_s)
        if end and end.recorded_at - head.recorded_at > most:
            self.report.warning(
                "anchors_end",
                f"the log goes on to {end.recorded_at:%Y-%m-%d %H:%M:%S} UTC, its anchors do not: "
                f"{behind:,} rows are not proven",
                self.options.journal.name,
                "is the journal whole (sudo journalctl --verify)? a station that is run by hand "
                "makes no anchors",
            )


def _seq(kept: KeptAnchor) -> int:
    return kept.anchor.head.seq


def _where(kept: KeptAnchor) -> str:
    return f"anchor of {kept.kept_at:%Y-%m-%d %H:%M:%S} UTC"
