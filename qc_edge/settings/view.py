"""The sections [[view]], a look at a part and what it is judged by, and [part]: which views are of
one part, and how they are judged together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from qc_edge.domain.parts.rules import PartRule, PartRules
from qc_edge.settings.bundles import BUNDLE_PATTERN
from qc_edge.settings.incoming import INCOMING
from qc_edge.settings.section import Name, Section

_NODE = f"{INCOMING}/"

_WAIT_SHARE = 0.75
"""Of the deadline: so that a part without all its views is told in time as well."""


class ViewSettings(Section):
    """One look at a part: a camera or another node, and what its frames are judged by. Without
    [[view]] each camera is a view of its own name.
    """

    name: Name = Field(description="Stands in every row of the view: top, left, weld-2.")
    camera: str = Field(
        pattern=r"^(incoming/)?[a-z][a-z0-9-]{0,30}$",
        description="The name of a [[camera]], or incoming/NODE for frames that another node drops "
        "into spool/incoming/NODE/ or whose sidecar names NODE as the camera.",
    )
    bundle: str | None = Field(
        default=None,
        pattern=BUNDLE_PATTERN,
        description="NAME@VERSION of the bundle that judges this view; default: the station's, "
        "which at least one view goes by.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A score at or above it FAILs; default: model.threshold for the station's "
        "bundle, the bundle's own for another. A record made by qc-edge threshold takes its place.",
    )
    review_band: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Scores this near the threshold go to the review queue; default: as for the "
        "threshold.",
    )
    roi: tuple[int, int, int, int] | None = Field(
        default=None,
        description="Region of the frame that the model sees, while the calibration has none of "
        "its own: [x, y, width, height] (pixels).",
    )
    required: bool = Field(
        default=True, description="A part without this view is incomplete and held."
    )

    @property
    def frames_of(self) -> str:
        """The camera that stands in the rows of this view's frames."""
        return self.camera.removeprefix(_NODE)

    @property
    def is_of_node(self) -> bool:
        """True if another node takes its frames."""
        return self.camera == INCOMING or self.camera.startswith(_NODE)

    @field_validator("roi")
    @classmethod
    def _roi_is_a_region(cls, roi: tuple[int, int, int, int] | None) -> object:
        if roi and (min(roi[:2]) < 0 or min(roi[2:]) < 1):
            raise ValueError("expected [x, y, width, height] with x, y >= 0 and width, height >= 1")
        return roi


def check_views(
    views: Sequence[ViewSettings], cameras: Sequence[str], *, of_recipe: bool = False
) -> None:
    """Hold the views against each other and against the station's cameras.

    Those of a recipe name a bundle each. Raises ValueError with all that does not fit.
    """
    faults = []
    names = [view.name for view in views]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"view names must differ; given twice: {', '.join(twice)}")
    for view in views:
        if not view.is_of_node and view.camera not in cameras:
            known = ", ".join(cameras) or "there is none"
            faults.append(
                f"view {view.name!r} has the camera {view.camera!r}, and no [[camera]] has that "
                f"name ({known}); another node's is written incoming/{view.camera}"
            )
        elif view.is_of_node and view.frames_of in cameras:
            faults.append(
                f"view {view.name!r} takes frames of the node {view.frames_of!r}, and a [[camera]] "
                "has that name"
            )
    sources = [view.frames_of for view in views]
    for camera in sorted({name for name in sources if sources.count(name) > 1}):
        both = ", ".join(view.name for view in views if view.frames_of == camera)
        # One frame has one row with one verdict: a second region of it has no place there.
        faults.append(
            f"the views {both} have the same camera {camera!r}: a frame is judged once, so give "
            "one of them, with a region and a bundle that see all that matters"
        )
    if views and (without := [name for name in cameras if name not in sources]):
        faults.append(
            f"no view has the camera {', '.join(without)}: add a [[view]] for it, or take the "
            "[[camera]] out"
        )
    if views and not of_recipe and all(view.bundle for view in views):
        faults.append(
            "every view names a bundle of its own, so that model.bundle would judge nothing: name "
            "one of them there, and leave `bundle` out of its views"
        )
    if faults:
        raise ValueError("; ".join(faults))


class PartSettings(Section):
    """How the views of a part are found and judged together; only with [[view]]."""

    match: Literal["id", "trigger"] | None = Field(
        default=None,
        description="id: views with the same part id are of one part. trigger: views that were "
        "exposed together are, with the cameras' own frame numbers as a check. Default: trigger "
        "where a view is of a [[camera]], which brings no id; else id.",
    )
    window_ms: float = Field(
        default=500.0,
        gt=0,
        le=3_600_000,
        description="Views of one part are exposed within this time; the same id later is a new "
        "attempt. By trigger: less than half the time between two parts (ms).",
    )
    wait_ms: float | None = Field(
        default=None,
        gt=0,
        le=3_600_000,
        description="A part whose views have not all come so long after its first exposure is "
        "held, reason view_missing (ms); default: three quarters of station.deadline_ms.",
    )
    rule: Literal["worst", "k_of_n", "weighted"] = Field(
        default="worst",
        description="worst: one FAIL rejects. k_of_n: `fail_at` FAILs do. weighted: the weighted "
        "mean of the scores does, at `reject_at`. By all: a view that is missing, late, INVALID or "
        "held holds a part that is not rejected.",
    )
    fail_at: int = Field(default=1, ge=1, le=100, description="k of k_of_n: so many FAILs reject.")
    weights: dict[str, float] = Field(
        default={},
        description="Weight of each view in the mean: { above = 2.0, side = 1.0 }; default: 1.",
    )
    reject_at: float = Field(
        default=0.5, ge=0, le=1, description="A weighted mean at or above it rejects."
    )

    @field_validator("weights")
    @classmethod
    def _weights_are_positive(cls, weights: dict[str, float]) -> dict[str, float]:
        if low := [name for name, weight in weights.items() if weight <= 0]:
            raise ValueError(f"a weight must be above 0: {', '.join(low)}")
        return weights

    def rules(self, deadline_ms: float, views: Sequence[ViewSettings]) -> PartRules:
        """The same as the rules that judge a part of these views."""
        own_cameras = any(not view.is_of_node for view in views)
        by_trigger = own_cameras if self.match is None else self.match == "trigger"
        wait_ms = self.wait_ms if self.wait_ms is not None else _WAIT_SHARE * deadline_ms
        return PartRules(
            by_trigger=by_trigger,
            window_ms=self.window_ms,
            # By time, a view may be exposed until the window ends.
            wait_ms=max(wait_ms, self.window_ms) if by_trigger else wait_ms,
            rule=PartRule(self.rule),
            fail_at=self.fail_at,
            weights=self.weights,
            reject_at=self.reject_at,
        )


def check_part(part: PartSettings, views: Sequence[str]) -> None:
    """Hold the rules against the names of the views, if there are any.

    Raises ValueError with all that does not fit.
    """
    faults = []
    if views and (unknown := [name for name in part.weights if name not in views]):
        faults.append(f"weights: no view is named {', '.join(unknown)} (views: {', '.join(views)})")
    if views and part.rule == "k_of_n" and part.fail_at > len(views):
        faults.append(f"fail_at = {part.fail_at}, and there are only {len(views)} views")
    if faults:
        raise ValueError("; ".join(faults))
