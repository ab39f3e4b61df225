"""What the shift report asks of a shift's rows."""

# ruff: noqa: S608 - relations, and names that are written here
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import COLUMNS, Gap, Inspection
from qc_edge.domain.reporting.shift_period import ShiftPeriod
from qc_edge.query.label_rows import effective_labels, label_relation
from qc_edge.query.shift.shift_counts import (
    CameraCount,
    ClassCount,
    FailBin,
    GateBin,
    LineCount,
    ReasonCount,
    Tally,
)
from qc_edge.query.shift.shift_rows import ShiftRows
from qc_edge.query.typed_rows import aware, to_inspection, to_row

GATE_FIGURES = (
    "focus",
    "brightness",
    "contrast",
    "saturated_share",
    "black_share",
    "framing_score",
    "framing_shift_px",
)
"""The figures that the gates decide by, as columns of the log."""

_VIEW = "coalesce(view, camera)"
_PARTS_BY = {
    "": "SELECT NULL AS key, * FROM shift_parts",
    "recipe": "SELECT recipe AS key, * FROM shift_parts",
    "lot": "SELECT lot AS key, * FROM shift_parts",
    "view": "SELECT seen.key, shift_parts.* FROM shift_parts JOIN "
    "(SELECT DISTINCT part_id, " + _VIEW + " AS key FROM {frames}) AS seen USING (part_id)",
}
_FRAMES_BY = {"": "NULL", "recipe": "recipe", "lot": "lot", "view": _VIEW}


@dataclass(frozen=True, slots=True)
class ShiftAnswers:
    """Asks; every method raises StoreError."""

    rows: ShiftRows
    period: ShiftPeriod

    def tallies(self, by: str = "") -> list[Tally]:
        """One for each `recipe`, `lot` or `view`, or one for all; the largest first."""
        frames = self.rows.frames
        found = self.rows.fetch(
            "SELECT * FROM (SELECT key, count(*) AS parts, count_if(disposition = 'ACCEPT'), "
            "count_if(disposition = 'REJECT'), count_if(disposition = 'HOLD'), "
            "count_if(attempts > 1), count_if(first_disposition = 'ACCEPT') "
            f"FROM ({_PARTS_BY[by].format(frames=frames)}) GROUP BY key) AS told "
            f"FULL JOIN (SELECT {_FRAMES_BY[by]} AS key, count_if(verdict = 'PASS'), "
            "count_if(verdict = 'FAIL'), count_if(verdict = 'INVALID'), count(*) AS frames "
            f"FROM {frames} GROUP BY 1) AS seen ON told.key IS NOT DISTINCT FROM seen.key "
            "ORDER BY frames DESC NULLS LAST, parts DESC, told.key"
        )
        return [
            Tally(told if told is not None else seen, *(number or 0 for number in numbers))
            for told, *parts, seen, passed, failed, invalid, frames in found
            for numbers in ((*parts, frames, passed, failed, invalid),)
        ]

    def reasons(self) -> list[ReasonCount]:
        """Why something was not accepted, the most frequent first."""
        found = self.rows.fetch(
            "SELECT reason, coalesce(frames, 0), coalesce(parts, 0) FROM "
            "(SELECT coalesce(hold_reason, reason) AS reason, count(*) AS frames "
            f"FROM {self.rows.frames} WHERE disposition <> 'ACCEPT' GROUP BY 1) FULL JOIN "
            "(SELECT reason, count(*) AS parts FROM shift_parts WHERE disposition <> 'ACCEPT' "
            "GROUP BY 1) USING (reason) ORDER BY frames DESC NULLS LAST, parts DESC, reason"
        )
        return [ReasonCount(*row) for row in found]

    def classes(self) -> list[ClassCount]:
        """The classes of defects, by the model and by people, the most frequent first."""
        labels = effective_labels(label_relation(self.rows.source))
        found = self.rows.fetch(
            "SELECT key, coalesce(model, 0), coalesce(people, 0) FROM "
            f"(SELECT coalesce(predicted_class, '') AS key, count(*) AS model "
            f"FROM {self.rows.frames} WHERE verdict = 'FAIL' GROUP BY 1) FULL JOIN "
            "(SELECT coalesce(defect_class, '') AS key, count(*) AS people FROM "
            f"{self.rows.frames} JOIN {labels} AS said USING (frame_id) "
            "WHERE said.label = 'defect' GROUP BY 1) USING (key) "
            "ORDER BY coalesce(model, 0) + coalesce(people, 0) DESC, key"
        )
        return [ClassCount(name or None, model, people) for name, model, people in found]

    def fail_bins(self, length: timedelta) -> list[FailBin]:
        """The judged frames in stretches of `length`; those without any are left out."""
        found = self.rows.fetch(
            f"SELECT {self._bin(length)}, count(*), count_if(verdict = 'FAIL') "
            f"FROM {self.rows.frames} WHERE verdict <> 'INVALID' GROUP BY 1 ORDER BY 1"
        )
        return [
            FailBin(self.period.begins + number * length, judged, failed)
            for number, judged, failed in found
        ]

    def gate_bins(self, length: timedelta) -> list[GateBin]:
        """The gates' figures in stretches of `length`, view by view, as far as they were taken."""
        asked = ", ".join(
            f"count({name}), approx_quantile({name}, 0.05), approx_quantile({name}, 0.5), "
            f"approx_quantile({name}, 0.95)"
            for name in GATE_FIGURES
        )
        found = self.rows.fetch(
            f"SELECT {_VIEW}, {self._bin(length)}, arg_max(calibration_id, frame_id), {asked} "
            f"FROM {self.rows.frames} GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return [
            GateBin(view, figure, self.period.begins + number * length, calibration_id, *taken)
            for at, figure in enumerate(GATE_FIGURES)
            for view, number, calibration_id, *figures in found
            if (taken := tuple(figures[4 * at : 4 * at + 4]))[0]
        ]

    def counts(self) -> list[CameraCount]:
        """Whether each camera's count closes. A frame counts for the shift of its exposure, a loss
        for the one in which it was noticed, as the view shift_closure has it.
        """
        since, until = (
            f"TIMESTAMP '{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}'"
            for moment in (self.period.begins, self.period.ends)
        )
        found = self.rows.fetch(
            "WITH exposures AS (SELECT captured_at AS moment, camera, verdict, 0 AS lost, "
            "camera_frame_number AS number, greatest(0, camera_frame_number - 1 - "
            "lag(camera_frame_number) OVER (PARTITION BY camera ORDER BY frame_id)) AS skipped "
            f"FROM {self.rows.exposures} UNION ALL SELECT noticed_at, camera, 'lost', lost, "
            f"first_frame_number, 0 FROM {self.rows.losses} WHERE reason <> 'line_count') "
            "SELECT camera, count_if(verdict <> 'lost') + sum(lost), count_if(verdict = 'PASS'), "
            "count_if(verdict = 'FAIL'), count_if(verdict = 'INVALID'), sum(lost), "
            "CASE WHEN count(number) > 0 THEN coalesce(sum(skipped), 0) END AS missing, "
            f"missing <= sum(lost) FROM exposures WHERE moment >= {since} AND moment < {until} "
            "GROUP BY camera ORDER BY camera"
        )
        return [CameraCount(*row) for row in found]

    def lines(self) -> list[LineCount]:
        """What the outputs told their lines, one for each, with their own counts."""
        found = self.rows.fetch(
            "SELECT output, count_if(is_message OR outcome = 'untold'), "
            "count_if(is_message AND disposition = 'ACCEPT'), "
            "count_if(is_message AND disposition = 'REJECT'), "
            "count_if(is_message AND disposition = 'HOLD'), count_if(outcome = 'unacknowledged'), "
            "count_if(outcome = 'untold'), count_if(outcome = 'ejected'), "
            "count_if(outcome = 'unconfirmed'), count_if(outcome = 'passed'), any_value(fits) "
            "FROM (SELECT *, outcome IN ('acknowledged', 'unacknowledged', 'shown') AS is_message "
            f"FROM {self.rows.told}) LEFT JOIN (SELECT who AS output, "
            "bool_and(kind = 'line_counted') AS fits "
            f"FROM {self.rows.events} WHERE kind = 'line_count_differs' "
            "OR (kind = 'line_counted' AND before IS NOT NULL) GROUP BY who) USING (output) "
            "GROUP BY output ORDER BY output"
        )
        return [LineCount(*row) for row in found]

    def events(self) -> list[Event]:
        """All that changed or happened, oldest first."""
        names = COLUMNS[Event.TABLE]
        query = f"SELECT {', '.join(names)} FROM {self.rows.events} ORDER BY chain_seq"
        return [to_row(Event, values) for values in self.rows.fetch_named(query, names)]

    def gaps(self) -> list[Gap]:
        """What is known to be lost, oldest first."""
        names = COLUMNS[Gap.TABLE]
        query = f"SELECT {', '.join(names)} FROM {self.rows.gaps} ORDER BY chain_seq"
        return [to_row(Gap, values) for values in self.rows.fetch_named(query, names)]

    def worst(self, limit: int) -> list[Inspection]:
        """The frames with the highest scores, one of each part, the worst first."""
        names = COLUMNS[Inspection.TABLE]
        query = (
            f"SELECT {', '.join(names)} FROM {self.rows.frames} WHERE frame_id IN (SELECT "
            f"arg_max(frame_id, score) FROM {self.rows.frames} WHERE score IS NOT NULL AND "
            f"verdict <> 'INVALID' GROUP BY part_id ORDER BY max(score) DESC LIMIT {limit:d}) "
            "ORDER BY score DESC, frame_id"
        )
        return [to_inspection(values) for values in self.rows.fetch_named(query, names)]

    def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last frame were recorded (aware UTC); None if there is none."""
        ((first, last),) = self.rows.fetch(
            f"SELECT min(recorded_at), max(recorded_at) FROM {self.rows.frames}"
        )
        return (aware(first), aware(last)) if first is not None else None

    def _bin(self, length: timedelta) -> str:
        begins = self.period.begins.astimezone(timezone.utc)
        return (
            f"(epoch_us(recorded_at) - epoch_us(TIMESTAMP '{begins:%Y-%m-%d %H:%M:%S}')) "
            f"// {int(length.total_seconds() * 1_000_000)}"
        )
