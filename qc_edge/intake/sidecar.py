"""The JSON that another node may put beside its image: who the part is and when it was taken."""

from __future__ import annotations

import difflib
import hashlib
import json
from datetime import MAXYEAR, MINYEAR, datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from qc_edge.domain.part_id import normalise_part_id
from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError

_PART_KEYS = {"part", "parts", "partno", "partnr", "partnum", "partnumber", "pieceid"}
"""What other nodes call `part_id`, without signs and in small letters."""

_LIKENESS = 0.75
"""difflib's ratio from which a key is taken for a misspelt one: `partid`, `part_ids`, `prat_id`."""


class Sidecar(BaseModel):
    """The keys of a sidecar that the station understands; others are the other node's own."""

    # "allow" keeps the unknown keys, among which a misspelt part_id is looked for.
    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    part_id: str | None = Field(default=None, min_length=1, max_length=1000)
    lot: str | None = Field(default=None, max_length=1000)
    camera: str | None = Field(default=None, min_length=1, max_length=100)
    camera_serial: str | None = Field(default=None, max_length=100)
    camera_frame_number: int | None = Field(default=None, ge=0, lt=2**63)
    captured_at: datetime | None = None
    size: int | None = None
    sha256: str | None = None
    exposure_us: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    gain_db: float | None = Field(default=None, allow_inf_nan=False)

    def misfit(self, image: bytes) -> str | None:
        """Why this sidecar is not that of the file with the bytes `image`; None if it may be."""
        if self.size is not None and self.size != len(image):
            return f"it is of an image of {self.size} bytes, this one has {len(image)}"
        if self.sha256 is not None:
            digest = hashlib.sha256(image).hexdigest()
            if digest != self.sha256.strip().lower():
                return f"it is of an image with sha256 {self.sha256:.12}, this is {digest:.12}"
        return None

    @field_validator("size", mode="before")
    @classmethod
    def _is_a_number_of_bytes(cls, size: object) -> object:
        # Other nodes have a key `size` of their own: [640, 480], "large". Those say nothing here.
        return size if isinstance(size, int) and not isinstance(size, bool) else None

    @property
    def looks_like_part_id(self) -> str | None:
        """An unknown key that is most likely meant as `part_id`; None if there is none."""
        for key in self.model_extra or {}:
            bare = "".join(filter(str.isalnum, key)).casefold()
            if bare in _PART_KEYS or difflib.get_close_matches(bare, ["partid"], 1, _LIKENESS):
                return key
        return None

    @field_validator("part_id", "camera")
    @classmethod
    def _is_an_id(cls, text: str | None) -> str | None:
        if text is None:
            return None
        if (normalised := normalise_part_id(text)) is None:
            raise ValueError("expected more than blanks")
        return normalised

    @field_validator("lot")
    @classmethod
    def _is_an_id_or_nothing(cls, text: str | None) -> str | None:
        return None if text is None else normalise_part_id(text)

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
        return Sidecar.model_validate_json(_to_utf8(data))
    except UnicodeError as fault:
        raise UnreadableFrameError(Reason.BAD_SIDECAR, f"sidecar: {fault}") from None
    except ValidationError as faults:
        listed = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in faults.errors()
        )
        raise UnreadableFrameError(Reason.BAD_SIDECAR, f"sidecar: {listed}") from None


def _to_utf8(data: bytes) -> bytes:
    """The JSON in UTF-8 without a byte order mark: Windows PowerShell 5 writes marks and UTF-16."""
    encoding = json.detect_encoding(data)
    return data if encoding == "utf-8" else data.decode(encoding).encode()
