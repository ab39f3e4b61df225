"""The section [review]: what a person is asked to look at."""

from __future__ import annotations

from pydantic import Field

from qc_edge.settings.section import Section


class ReviewSettings(Section):
    """What is put on the review queue beside parts near the threshold and disputed ones."""

    audit_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Of what PASSed, the share that is drawn at random for a person to look at: "
        "without it nobody can say how many defects get through.",
    )
    second_opinion_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Of what one person has labelled, the share that another one is asked about "
        "without seeing the first label.",
    )
    after_change: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="The first parts of each camera after a change of threshold, model, engine, "
        "calibration, recipe, settings or software that a person is asked about.",
    )
    claim_minutes: float = Field(
        default=10.0,
        gt=0,
        le=1440,
        description="For so long a part is kept for whoever took it from the queue (min).",
    )
    look_back_days: float = Field(
        default=14.0,
        gt=0,
        le=3660,
        description="Inspections older than this are asked about only if disputed (days).",
    )
    draw_key: str = Field(
        default="",
        max_length=200,
        description="Goes into the draw of samples, which is the same whenever it is drawn again; "
        "the station's name if empty.",
    )
