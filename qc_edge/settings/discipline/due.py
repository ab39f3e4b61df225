"""The section [due]: what has a date, and what becomes of the station when it is past."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

from pydantic import Field, field_validator

from qc_edge.settings.section import Section, Text

_NEVER = datetime(9999, 12, 29, tzinfo=timezone.utc)
"""9999-12-31 is what people write for never: the day after it is no date, and its end none in the
clock of a station east of Greenwich.
"""

Policy = Literal["ignore", "warn", "hold", "not_ready"]


class DueDateSettings(Section):
    """A date that nothing else knows: a signing key, a gauge's certificate, a contract."""

    name: Text = Field(description="What it is of.")
    kind: Literal["signing_key", "certificate", "other"] = Field(
        default="other", description="What it is."
    )
    until: str = Field(
        description="The last day on which it holds, YYYY-MM-DD; it ends at midnight UTC."
    )

    @property
    def ends(self) -> datetime:
        """The moment after that day (aware UTC)."""
        day = datetime.combine(date.fromisoformat(self.until), time(), timezone.utc)
        return min(day, _NEVER) + timedelta(days=1)

    @field_validator("until")
    @classmethod
    def _is_a_day(cls, text: str) -> str:
        try:
            date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expected a day, YYYY-MM-DD; got {text!r}") from None
        return text


class DueSettings(Section):
    """When a date that comes nearer is said, and what becomes of parts and station once it is past:
    `hold` holds every part, `not_ready` takes the station from the line, too.
    """

    warn_days: float = Field(
        default=14.0, ge=0, le=366, description="A date is said so long before it comes (days)."
    )
    msa_days: float = Field(
        default=365.0, gt=0, le=3660, description="A kept study holds for so long (days)."
    )
    calibration: Policy = Field(
        default="warn", description="An expired calibration holds all parts, whatever stands here."
    )
    challenge_part: Policy = Field(
        default="warn", description="A challenge part whose certificate has ended proves nothing."
    )
    certificate: Policy = Field(default="warn", description="The page's, and those of `dates`.")
    token: Policy = Field(default="warn", description="A program's way to the page's API.")
    msa: Policy = Field(default="warn", description="The newest kept study; none is no fault.")
    signing_key: Policy = Field(default="warn", description="Those of `dates`.")
    other: Policy = Field(default="warn", description="The others of `dates`.")
    dates: tuple[DueDateSettings, ...] = Field(
        default=(), description="Dates that nothing else knows, each a section [[due.dates]]."
    )
