"""The JSON that another node may put beside its image: who the part is and when it was taken."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime, timezone

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError


class Sidecar(BaseModel):
    """The keys of a sidecar that the station understands; other keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    part_id: str | None = Field(default=None, min_length=1, max_length=200)
    lot: str | None = Field(default=None, max_length=200)
    camera: str | None = Field(default=None, min_length=1, max_length=100)
    camera_serial: str | None = Field(default=None, max_length=100)
    camera_frame_number: int | None = Field(default=None, ge=0, lt=2**63)
    captured_at: datetime | None = None
    exposure_us: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    gain_db: float | None = Field(default=None, allow_inf_nan=False)

    @property
    def captured_at_utc(self) -> datetime | None:
        """`captured_at` in UTC; a time without a zone is taken as UTC."""
        at = self.captured_at
        if at is None:
            return None
        return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)

    @field_validator("captured_at")
    @classmethod
    def _has_a_date_in_utc(cls, at: datetime | None) -> datetime | None:
        # In the first and the last year, converting to UTC can leave what datetime can hold.
        if at is not None and not MINYEAR < at.year < MAXYEAR:
            raise ValueError(f"expected a year after {MINYEAR} and before {MAXYEAR}")
        return at


def parse_sidecar(data: bytes) -> Sidecar:
    """The sidecar in `data`. Raises UnreadableFrameError (bad_sidecar) naming every fault."""
    try:
        return Sidecar.model_validate_json(data)
    except ValidationError as faults:
        listed = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in faults.errors()
        )
        raise UnreadableFrameError(Reason.BAD_SIDECAR, f"sidecar: {listed}") from None
