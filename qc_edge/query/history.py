"""The judged past as a replay asks for it, wherever it was opened (`sources`).

Reads, and never decides: what a threshold makes of a score is asked of the database in one pass
over the columns `score`, `verdict` and `threshold`.
"""

# ruff: noqa: S608 - what comes from outside is bound, or a path that is quoted
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.history import (
    Flip,
    LabelledPart,
    ModelUsage,
    Selection,
    ShadowedPart,
    StoredInput,
    Totals,
)
from qc_edge.errors import StoreError
from qc_edge.query.retry import asked_again, in_portions
from qc_edge.store.duck import quoted
from qc_edge.store.durable import write_file

BINS = 100
"""Of the histogram: scores 0.00 to 1.00."""

_COLUMNS = (
    "frame_id, recorded_at, part_id, camera, score, threshold, threshold_id, verdict, model_name, "
    "model_version, prepared_path, prepared_sha256"
)
_STORED = "verdict <> 'INVALID' AND score IS NOT NULL AND prepared_path IS NOT NULL"
_FLIP = "frame_id, part_id, recorded_at, camera, score, threshold, verdict, replayed, label"


class History:
    """An open look at the past, of one of the `sources`; used by one thread."""

    def __init__(
        self,
        log: duckdb.DuckDBPyConnection,
        selection: Selection,
        inspections: str = "inspections",
        labels: str = "labels",
        shadow: str = "shadow_scores",
        files: Callable[[], Iterable[Path]] = tuple,
    ) -> None:
        """`files`: those that may be replaced while they are read."""
        self._log, self._files = log, files
        self._labels, self._shadow = labels, shadow
        self._where, self._values = _condition(selection)
        self._from = f"(SELECT {_COLUMNS} FROM {inspections}{self._where})"

    def extent(self) -> str:
        """What there is to ask for, in words."""
        first, last, models, cameras = self._ask(
            "SELECT min(recorded_at), max(recorded_at), list(DISTINCT model_name || '@' || "
            "model_version), "
            f"list(DISTINCT camera) FROM {self._from}"
        )[0]
        if first is None:
            return "the log holds no inspection yet"
        time = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} (UTC)"
        return (
            f"the log holds {time}, by {', '.join(sorted(models))}, of {', '.join(sorted(cameras))}"
        )

    def totals(self, threshold: float) -> Totals:
        """One pass: what was, and what `threshold` turns over. INVALID rows never turn."""
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
        found = self._ask(
            "SELECT model_name || '@' || model_version, threshold, threshold_id, n, last FROM ("
            "SELECT model_name, model_version, threshold, threshold_id, count(*) AS n, "
            f"max(recorded_at) AS last FROM {self._from} GROUP BY ALL) ORDER BY last"
        )
        return [
            ModelUsage(model, threshold, threshold_id, inspections, _aware(last))
            for model, threshold, threshold_id, inspections, last in found
        ]

    def histogram(self) -> tuple[list[int], list[int]]:
        """How many PASS and FAIL in each of BINS equal bins of the score; 1.0 belongs to the
        last.
        """
        found = self._ask(
            "SELECT bin, count(*) FROM ("
            f"SELECT floor(score * {BINS})::UTINYINT + CASE verdict WHEN 'FAIL' THEN 128::UTINYINT "
            f"WHEN 'PASS' THEN 0::UTINYINT END AS bin FROM {self._from}) WHERE bin IS NOT NULL "
            "GROUP BY bin"
        )
        passed, failed = [0] * BINS, [0] * BINS
        for number, count in found:
            bins = failed if number >= 128 else passed
            bins[min(number % 128, BINS - 1)] += count
        return passed, failed

    def labelled(self) -> list[LabelledPart]:
        """Every judged part with a label in effect, in order of time."""
        found = self._ask(
            f"SELECT frame_id, score, verdict, label = 'defect' FROM {self._from} JOIN "
            f"{self._effective()} "
            "USING (frame_id) WHERE verdict <> 'INVALID' AND score IS NOT NULL ORDER BY frame_id"
        )
        return [LabelledPart(*row) for row in found]

    def flips(self, threshold: float, limit: int) -> list[Flip]:
        """Parts that `threshold` turns over, the newest `limit`."""
        found = self._ask(
            f"{self._flips()} ORDER BY frame_id DESC LIMIT $limit", t=threshold, limit=limit
        )
        return [Flip(*_timed(row)) for row in found]

    def write_flips(self, threshold: float, file: Path) -> int:
        """All of them as CSV, oldest first; how many. Raises StoreError if `file` cannot be
        written.
        """
        write_file(file, b"")  # says why it cannot, in the station's own words
        (number,) = self._ask(
            f"COPY ({self._flips()} ORDER BY frame_id) TO {quoted(file)} (HEADER)", t=threshold
        )[0]
        return int(number)

    def count_stored(self) -> int:
        """How many `stored` gives."""
        (number,) = self._ask(f"SELECT count(*) FROM {self._from} WHERE {_STORED}")[0]
        return int(number)

    def count_scored(self, first: str = "", last: str = "~") -> int:
        """How many were scored, their prepared input kept or not, from one frame id to another."""
        (number,) = self._ask(
            f"SELECT count(score) FROM {self._from} WHERE frame_id BETWEEN $first AND $last",
            first=first,
            last=last,
        )[0]
        return int(number)

    def stored(self) -> Iterator[list[StoredInput]]:
        """Judged inspections with their prepared input, oldest first, in portions."""
        query = (
            "SELECT frame_id, part_id, recorded_at, camera, score, threshold, verdict, "
            "prepared_path, "
            f"prepared_sha256 FROM {self._from} WHERE {_STORED} ORDER BY frame_id"
        )
        try:
            for rows in in_portions(self._log, query, self._values, self._files):
                yield [StoredInput(*_timed(row)) for row in rows]
        except duckdb.Error as fault:
            raise unreadable("the log", fault) from fault

    def shadowed(self) -> list[ShadowedPart]:
        """Every judged part that the shadow was shown, in order of time."""
        found = self._ask(
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
        return [ShadowedPart(*_timed(row)) for row in found]

    def _flips(self) -> str:
        return (
            f"SELECT {_FLIP} FROM (SELECT *, CASE WHEN score >= $t THEN 'FAIL' ELSE 'PASS' END AS "
            "replayed "
            f"FROM {self._from} WHERE (verdict = 'PASS' AND score >= $t) "
            f"OR (verdict = 'FAIL' AND score < $t)) LEFT JOIN {self._effective()} USING (frame_id)"
        )

    def _effective(self) -> str:
        return (
            f"(SELECT frame_id, arg_max(label, chain_seq) AS label FROM {self._labels} GROUP "
            "BY frame_id)"
        )

    def _ask(self, query: str, **values: object) -> list[Any]:
        try:
            return asked_again(
                lambda: self._log.execute(query, {**self._values, **values}).fetchall(), self._files
            )
        except duckdb.Error as fault:
            raise unreadable("the log", fault) from fault


def _condition(selection: Selection) -> tuple[str, dict[str, object]]:
    parts, values = [], dict[str, object]()
    for name, sign, moment in (("since", ">=", selection.since), ("until", "<", selection.until)):
        if moment is not None:
            parts.append(f"recorded_at {sign} ${name}")
            values[name] = moment.astimezone(timezone.utc).replace(tzinfo=None)
    if selection.model is not None:
        parts.append("model_name = $model AND model_version = $version")
        values["model"], _, values["version"] = selection.model.partition("@")
    if selection.cameras:
        parts.append("list_contains($cameras, camera)")
        values["cameras"] = list(selection.cameras)
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


def _timed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its third value as an aware time."""
    return (*row[:2], _aware(row[2]), *row[3:])


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc)


def unreadable(what: str, fault: duckdb.Error) -> StoreError:
    """What DuckDB says of `what`, and what to do."""
    words = str(fault).strip().splitlines()[0]
    if "lock on file" in words:
        hint = (
            "a running station holds its database: leave --database out to read what it publishes"
        )
    else:
        hint = "a file of the published log may be damaged: qc-edge verify says which"
    return StoreError(f"{what} cannot be read: {words}", hint=hint)
