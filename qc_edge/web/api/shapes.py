"""What the API takes and gives, as OpenAPI has it. Times are UTC, ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE

_LINE = r"^[^\x00-\x1f\x7f]*$"


class ToldPartShape(BaseModel):
    """What the line was told of a part once."""

    frame_id: str = Field(description="Its first frame; sorts by time.")
    part_id: str
    disposition: Literal["ACCEPT", "REJECT", "HOLD"]
    reason: str = Field(description="A stable code, docs/reference/reasons.md.")
    detail: str = Field(description="The reason in words, with figures.")
    lot: str | None
    recipe: str | None = Field(description="NAME@REVISION.")
    recorded_at: datetime
    captured_at: datetime = Field(description="The earliest exposure.")
    camera: str | None = Field(description="null: several views.")
    views_seen: str | None = Field(description="Names with blanks between; null: one frame.")
    views_missing: str | None
    attempt: int | None


class PartsFound(BaseModel):
    """Parts, the newest first."""

    parts: list[ToldPartShape]
    next: str | None = Field(description="`before` of the next request; null: these are all.")


class WholePart(BaseModel):
    """All that is known of a part, as `qc-edge part NAME ID --json` prints it."""

    model_config = ConfigDict(extra="allow")

    station: str
    part_id: str
    holds: bool = Field(description="Nothing speaks against the record.")
    read_from: str
    attempts: list[dict[str, Any]]
    inspections: list[dict[str, Any]]


class LabelShape(BaseModel):
    """A person's or program's word on a frame."""

    label_id: str
    recorded_at: datetime
    frame_id: str
    part_id: str
    label: str
    defect_class: str | None
    who: str
    role: str | None
    source: str | None
    why: str | None


class LabelsFound(BaseModel):
    """Labels, the newest first."""

    labels: list[LabelShape]


class NewLabel(BaseModel):
    """A label to be written: of a frame, or of a part that was inspected once."""

    model_config = ConfigDict(extra="forbid")

    frame_id: str | None = Field(default=None, max_length=100, pattern=_LINE)
    part_id: str | None = Field(default=None, min_length=1, max_length=200, pattern=_LINE)
    label: Literal["good", "defect", "unsure", "not_inspectable", "disputed"]
    defect_class: str | None = Field(
        default=None, min_length=1, max_length=LONGEST_NAME, pattern=_LINE
    )
    why: str | None = Field(default=None, min_length=1, max_length=LONGEST_NOTE, pattern=_LINE)
    who: str | None = Field(
        default=None,
        min_length=1,
        max_length=60,
        pattern=_LINE,
        description="The person behind the program; the log has `api:TOKEN (WHO)`.",
    )


class WrittenLabelShape(BaseModel):
    """A label that was written; the station takes it up within a second, or when it starts."""

    frame_id: str
    part_id: str
    label: str
    who: str
    role: str
    said_at: datetime


class StationStatus(BaseModel):
    """What the station last said of itself."""

    station: str
    running: bool
    ready: bool = Field(description="It runs, and no trouble keeps it from judging.")
    troubles: list[str] = Field(description="Why parts are not accepted.")
    warnings: list[str] = Field(description="Parts are judged, but somebody should look.")
    version: str | None
    started_at: str | None
    model: str | None
    threshold: float | None
    shift: dict[str, Any] | None = Field(description="The one that runs, with its counts.")
    today: dict[str, Any] | None = Field(description="The counts of the day.")


class ApprovedRecipe(BaseModel):
    """A recipe that may judge: its newest approved revision."""

    recipe: str = Field(description="NAME@REVISION.")
    number: int
    product: str


class RecipeState(BaseModel):
    """Which recipe judges, which is to come, and which may."""

    in_force: str = Field(description="NAME@REVISION; station: what the settings say.")
    pending: str | None = Field(description="Asked for, and not decided.")
    last_request: str | None = Field(description="The newest changeover's record.")
    last_outcome: str | None = Field(
        description="in force, refused: ..., earlier, overtaken or to come."
    )
    approved: list[ApprovedRecipe]


ChangeoverState = Literal["in force", "earlier", "refused", "to come", "overtaken"]


class ChangeoverTold(BaseModel):
    """A changeover that somebody or something has asked for, and what became of it."""

    record: str
    recipe: str = Field(description="NAME@REVISION; station: what the settings say.")
    before: str = Field(description="What judged when it was asked for.")
    undoes: str | None = Field(description="The record that a rollback takes back.")
    asked_at: datetime
    asked_by: str = Field(description="A person, or api: and the token's name.")
    reason: str
    state: ChangeoverState
    decided_at: datetime | None = Field(description="When the station took it up or refused it.")
    detail: str | None = Field(description="What the station said then.")


class ChangeoversFound(BaseModel):
    """Changeovers, the newest first; `next` is the value of `before` for older ones."""

    changeovers: list[ChangeoverTold]
    next: str | None


class ChangeoverRequest(BaseModel):
    """Which recipe is to judge: its number, or its name."""

    model_config = ConfigDict(extra="forbid")

    number: int | None = Field(default=None, ge=0, le=2**31 - 1)
    recipe: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
    )
    reason: str = Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
    )


class ChangeoverAsked(BaseModel):
    """A changeover that was asked for; GET /recipe tells what became of it."""

    record: str
    recipe: str
    before: str
