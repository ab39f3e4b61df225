"""The judged past of a station as replay and comparison need it, from any LogSource.

Reads, and never decides: what a threshold makes of a score is computed by DuckDB in one pass over
the columns `score`, `verdict` and `threshold`.
"""

# ruff: noqa: S608 - what comes from outside is bound, or a path that is quoted
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qc_edge.domain.history import (
    Flip,
    LabelledPart,
    ModelUsage,
    Selection,
    ShadowedPart,
    StoredInput,
    ThresholdSpan,
    Totals,
)
from qc_edge.errors import StoreError
from qc_edge.query.kept.deletion_rows import prepared_path
from qc_edge.query.label_rows import effective_labels, label_relation
from qc_edge.query.past.history_sql import (
    BADNESS,
    COLUMNS,
    NO_SHADOW,
    PART_CELL,
    SHADOW_COLUMNS,
    selection_condition,
)
from qc_edge.query.source import EVERYTHING, LogSource, Span
from qc_edge.query.typed_rows import aware, with_aware_time
from qc_edge.store.durable import write_file
from qc_edge.store.log.duck import quoted

BINS = 100
"""Of the histogram, over scores from 0 to 1."""

_STORED = "verdict <> 'INVALID' AND score IS NOT NULL AND prepared_path IS NOT NULL"
_FLIP = "frame_id, part_id, recorded_at, camera, score, threshold, verdict, replayed, label"


class History:
    """The inspections of a selection, with their labels and shadow scores. Belongs to one thread.

    Every method that reads raises StoreError where the source does not read.
    """

    def __init__(self, source: LogSource, selection: Selection) -> None:
        """Raises StoreError if the source has no inspections table."""
        self.source, self.selection = source, selection
        hours = Span(since=selection.since, until=selection.until)
        inspections = source.relation("inspections", hours, COLUMNS)
        if inspections is None:
            raise StoreError(
                f"the {source.place} has no table of inspections",
                hint="qc-edge verify says what else is missing",
            )
        # Labels and shadow scores come later than the inspection: from any hour.
        self._labels = effective_labels(label_relation(source))
        self._shadow = source.relation("shadow_scores", EVERYTHING, SHADOW_COLUMNS) or NO_SHADOW
        self._where, self._values = selection_condition(selection)
        self._from = f"(SELECT {', '.join(COLUMNS)} FROM {inspections}{self._where})"

    def extent(self) -> str:
        """The time, the models and the cameras of the inspections, as a sentence for a person; ""
        if there are none.
        """
        first, last, models, cameras = self._ask(
            "SELECT min(recorded_at), max(recorded_at), list(DISTINCT model_name || '@' || "
            "model_version), "
            f"list(DISTINCT camera) FROM {self._from}"
        )[0]
        if first is None:
            return ""
        time = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} (UTC)"
        return (
            f"the log holds {time}, by {', '.join(sorted(models))}, of {', '.join(sorted(cameras))}"
        )

    def totals(self, threshold: float) -> Totals:
        """Counts as they were stored, and how many verdicts `threshold` turns over (INVALID rows
        never turn). One pass.
        """
        row = self._ask(
            "SELECT count(*), count_if(failed), count(*) - count(failed), count_if(fails > "
            "failed), "
            "count_if(fails < failed), count_if(failed IS NOT NULL AND failed IS DISTINCT FROM "
            "failed_then) "
            "FROM (SELECT CASE verdict WHEN 'FAIL' THEN true WHEN 'PASS' THEN false END AS failed, "
            f"score >= $t AS fails, score >= threshold AS failed_then FROM {self._from})",
            t=threshold,
        )[0]
        return Totals(*row)

    def judged(self) -> list[ModelUsage]:
        """Which models and thresholds judged these parts, the most recent last."""
        usages = self._ask(
            "SELECT model_name || '@' || model_version, threshold, threshold_id, n, last FROM ("
            "SELECT model_name, model_version, threshold, threshold_id, count(*) AS n, "
            f"max(recorded_at) AS last FROM {self._from} GROUP BY ALL) ORDER BY last"
        )
        return [
            ModelUsage(model, threshold, threshold_id, inspections, aware(last))
            for model, threshold, threshold_id, inspections, last in usages
        ]

    def thresholds_then(self, threshold: float) -> list[ThresholdSpan]:
        """Which thresholds judged these parts and when, by their beginning, and what `threshold`
        turns over of each one's verdicts.
        """
        spans = self._ask(
            "SELECT threshold, threshold_id, count(*), min(recorded_at), max(recorded_at), "
            "count_if(verdict = 'PASS' AND score >= $t), count_if(verdict = 'FAIL' AND score < $t) "
            f"FROM {self._from} WHERE verdict <> 'INVALID' GROUP BY ALL ORDER BY min(frame_id)",
            t=threshold,
        )
        return [
            ThresholdSpan(value, threshold_id, count, aware(first), aware(last), *turned)
            for value, threshold_id, count, first, last, *turned in spans
        ]

    def histogram(self) -> tuple[list[int], list[int]]:
        """How many PASS and FAIL in each of BINS equal bins of the score; 1.0 belongs to the
        last.
        """
        # One byte to group by: the bin, and whether the verdict was FAIL in its highest bit.
        counted = self._ask(
            "SELECT bin, count(*) FROM ("
            f"SELECT floor(score * {BINS})::UTINYINT + CASE verdict WHEN 'FAIL' THEN 128::UTINYINT "
            f"WHEN 'PASS' THEN 0::UTINYINT END AS bin FROM {self._from}) WHERE bin IS NOT NULL "
            "GROUP BY bin"
        )
        passed, failed = [0] * BINS, [0] * BINS
        for number, count in counted:
            bins = failed if number >= 128 else passed
            bins[min(number % 128, BINS - 1)] += count
        return passed, failed

    def labelled(self) -> list[LabelledPart]:
        """Every judged part with a label in effect, in order of time."""
        rows = self._ask(
            f"SELECT frame_id, score, verdict, label = 'defect' FROM {self._from} JOIN "
            f"{self._effective()} "
            "USING (frame_id) WHERE verdict <> 'INVALID' AND score IS NOT NULL ORDER BY frame_id"
        )
        return [LabelledPart(*row) for row in rows]

    def flips(self, threshold: float, limit: int) -> list[Flip]:
        """Parts that `threshold` turns over, the worst `limit` (Flip.badness)."""
        rows = self._ask(
            f"{self._flips()} ORDER BY {BADNESS}, abs(score - $t) DESC, frame_id DESC LIMIT $limit",
            t=threshold,
            limit=limit,
        )
        return [Flip(*with_aware_time(row)) for row in rows]

    def nearest(self, threshold: float, limit: int) -> list[Flip]:
        """The `limit` judged parts whose scores are nearest to `threshold`, turned over or not."""
        rows = self._ask(
            f"{self._judged_by('score IS NOT NULL')} ORDER BY abs(score - $t), frame_id DESC "
            "LIMIT $limit",
            t=threshold,
            limit=limit,
        )
        return [Flip(*with_aware_time(row)) for row in rows]

    def write_flips(self, threshold: float, file: Path) -> int:
        """Write all of them as CSV, oldest first; how many. Raises StoreError if `file` cannot be
        written: of the published files, only one that the source was opened with as `writable`.
        """
        write_file(file, b"")  # its message says why it cannot be written; DuckDB's does not
        # No temporary file: DuckDB gives it another name, which a confined source may not write.
        (number,) = self._ask(
            f"COPY (SELECT * EXCLUDE (rescored, raw_path) REPLACE ({PART_CELL} AS part_id) "
            f"FROM ({self._flips()}) ORDER BY frame_id) TO {quoted(file.absolute())} "
            "(FORMAT csv, HEADER, USE_TMP_FILE false)",
            t=threshold,
        )[0]
        return int(number)

    def count_stored(self) -> int:
        """How many inspections `stored` gives."""
        (number,) = self._ask(f"SELECT count(*) FROM {self._from} WHERE {_STORED}")[0]
        return int(number)

    def count_scored(self, first: str = "", last: str = "~") -> int:
        """How many inspections have a score, their prepared input kept or not, from frame id
        `first` to `last` (inclusive).
        """
        (number,) = self._ask(
            f"SELECT count(score) FROM {self._from} WHERE frame_id BETWEEN $first AND $last",
            first=first,
            last=last,
        )[0]
        return int(number)

    def stored(self) -> Iterator[list[StoredInput]]:
        """Scored inspections whose prepared input was kept, oldest first, in portions; of those
        that a rule has deleted since `prepared_path` is empty.
        """
        query = (
            "SELECT frame_id, part_id, recorded_at, camera, score, threshold, verdict, "
            f"{prepared_path(self.source)}, prepared_sha256, raw_path, preprocess_id "
            f"FROM {self._from} WHERE {_STORED} ORDER BY frame_id"
        )
        for rows in self.source.portions(query, self._values):
            yield [StoredInput(*with_aware_time(row)) for row in rows]

    def shadowed(self) -> list[ShadowedPart]:
        """Every scored part that the shadow was shown, in order of time."""
        rows = self._ask(
            "SELECT frame_id, part_id, recorded_at, camera, score, threshold, "
            "model_name || '@' || model_version, shadow_score, shadow_threshold, shadow_model, "
            "dropped_before, label = 'defect' "
            f"FROM {self._from} JOIN (SELECT frame_id, "
            "score AS shadow_score, threshold AS shadow_threshold, dropped_before, "
            f"model_name || '@' || model_version AS shadow_model FROM {self._shadow}) USING "
            "(frame_id) "
            f"LEFT JOIN {self._effective()} USING (frame_id) WHERE score IS NOT NULL ORDER BY "
            "frame_id"
        )
        return [ShadowedPart(*with_aware_time(row)) for row in rows]

    def _flips(self) -> str:
        return self._judged_by(
            "(verdict = 'PASS' AND score >= $t) OR (verdict = 'FAIL' AND score < $t)"
        )

    def _judged_by(self, which: str) -> str:
        return (
            f"SELECT {_FLIP}, NULL AS rescored, raw_path FROM (SELECT *, "
            "CASE WHEN score >= $t THEN 'FAIL' ELSE 'PASS' END AS replayed "
            f"FROM {self._from} WHERE verdict <> 'INVALID' AND ({which})) "
            f"LEFT JOIN {self._effective()} USING (frame_id)"
        )

    def _effective(self) -> str:
        # Who is unsure has not said what the part is.
        return f"(SELECT frame_id, label FROM {self._labels} WHERE label IN ('good', 'defect'))"

    def _ask(self, query: str, **values: object) -> list[Any]:
        return self.source.fetch(query, {**self._values, **values})
