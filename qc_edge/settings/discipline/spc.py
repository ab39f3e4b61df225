"""The section [spc]: control charts, and when they speak."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

from pydantic import Field, field_validator

from qc_edge.settings.section import Section


class SpcSettings(Section):
    """Control charts of rates, gates and scores, each against its own beginning."""

    watch: bool = Field(
        default=True, description="Draw the charts while the station runs and say alarms."
    )
    point_minutes: float = Field(
        default=30.0,
        ge=1,
        le=1440,
        description="Frames of this long make one point of a chart (min).",
    )
    fewest_frames: int = Field(
        default=20, ge=1, le=100_000, description="A point of fewer frames is left out."
    )
    reference_points: int = Field(
        default=50,
        ge=10,
        le=1000,
        description="The first points after a change of model, threshold or calibration are the "
        "reference; without so many there is no alarm.",
    )
    reference_from: str = Field(
        default="",
        description="The reference begins no earlier than this day, YYYY-MM-DD in UTC: what came "
        "before is forgotten, as after a repair that made other figures right.",
    )
    look_back_days: float = Field(
        default=90.0,
        gt=0,
        le=3660,
        description="Frames older than this are not charted, unless somebody asks for more (days).",
    )
    false_alarms_per_week: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="So many false alarms of all charts together are borne in a week of production "
        "round the clock; the fewer, the later a drift is found.",
    )
    cooldown_hours: float = Field(
        default=8.0,
        gt=0,
        le=720,
        description="An alarm of a view is said again after this long at the earliest, and stands "
        "in the status for so long (h).",
    )

    @property
    def stands_for(self) -> timedelta:
        """How long an alarm stands, and how far back its parts are: of a point since its end."""
        return timedelta(hours=self.cooldown_hours, minutes=self.point_minutes)

    @property
    def reference_since(self) -> datetime | None:
        """`reference_from` as a moment; None if it is empty."""
        if not self.reference_from:
            return None
        return datetime.combine(date.fromisoformat(self.reference_from), time(), timezone.utc)

    @field_validator("reference_from")
    @classmethod
    def _is_a_day(cls, text: str) -> str:
        try:
            if text:
                date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expected a day, YYYY-MM-DD, or nothing; got {text!r}") from None
        return text
