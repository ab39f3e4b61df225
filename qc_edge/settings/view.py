"""One [[view]] of the settings file: a look at a part, and what it is judged by."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, field_validator

from qc_edge.settings.bundles import BUNDLE_PATTERN
from qc_edge.settings.incoming import INCOMING
from qc_edge.settings.section import Name, Section

_NODE = f"{INCOMING}/"


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
