"""What a recipe says, as a person writes it: views, how their cameras expose, rules for parts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from qc_edge.settings.bundles import BUNDLE_PATTERN
from qc_edge.settings.section import Section, Text
from qc_edge.settings.view import PartSettings, ViewSettings

Region = tuple[int, int, int, int]
_Value = Annotated[float, Field(ge=0, le=255)]
_Share = Annotated[float, Field(ge=0, le=1)]


class GateSettings(Section):
    """Bounds of the gates that a view of a recipe has other than its calibration."""

    focus_min: float | None = Field(default=None, ge=0, description="Least sharpness (variance).")
    brightness_min: _Value | None = Field(default=None, description="Least mean gray (0..255).")
    brightness_max: _Value | None = Field(default=None, description="Greatest mean gray (0..255).")
    contrast_min: _Value | None = Field(default=None, description="Least contrast (0..255).")
    saturated_share_max: _Share | None = Field(default=None, description="Most that is white.")
    black_share_max: _Share | None = Field(default=None, description="Most that is black.")
    framing_score_min: float | None = Field(
        default=None, ge=-1, le=1, description="Least likeness to the framing reference."
    )
    framing_shift_max: float | None = Field(
        default=None, ge=0, description="Farthest from its place (pixels)."
    )


class RecipeView(ViewSettings):
    """One [[view]] of a recipe: a look at the part, by which bundle, and how its camera exposes."""

    bundle: str = Field(
        pattern=BUNDLE_PATTERN, description="NAME@VERSION of the bundle that judges this view."
    )
    calibration: Text | None = Field(
        default=None,
        description="Id of the calibration of this camera; default: the newest one.",
    )
    gates: GateSettings | None = Field(
        default=None, description="Bounds of the gates other than the calibration's: [view.gates]."
    )
    exposure_us: float | None = Field(
        default=None, gt=0, description="Exposure time of the camera (us); default: the settings'."
    )
    gain_db: float | None = Field(
        default=None, ge=0, le=48, description="Gain of the camera (dB); default: the settings'."
    )
    sensor_roi: Region | None = Field(
        default=None,
        description="Region read out of the sensor: [x, y, width, height] (pixels); default: the "
        "settings'.",
    )

    @field_validator("sensor_roi")
    @classmethod
    def _sensor_roi_is_a_region(cls, roi: Region | None) -> Region | None:
        if roi and (min(roi[:2]) < 0 or min(roi[2:]) < 1):
            raise ValueError("expected [x, y, width, height] with x, y >= 0 and width, height >= 1")
        return roi

    @property
    def plain(self) -> ViewSettings:
        """As the settings would have it."""
        names = ViewSettings.model_fields
        return ViewSettings(**{name: getattr(self, name) for name in names})

    @property
    def camera_values(self) -> dict[str, object]:
        """What it says of its camera, by the keys of [[camera]]."""
        given = {"exposure_us": self.exposure_us, "gain_db": self.gain_db, "roi": self.sensor_roi}
        return {key: value for key, value in given.items() if value is not None}


class RecipeContent(Section):
    """What a product needs: everything that a person decides about a recipe."""

    number: int = Field(ge=0, le=65_535, description="What the line calls the recipe by.")
    product: Text = Field(description="What is inspected by it, in words.")
    view: tuple[RecipeView, ...] = Field(
        min_length=1, description="The views of a part, each a section [[view]]."
    )
    part: PartSettings | None = Field(
        default=None,
        description="How the views of a part are found and judged together, the whole section "
        "[part]; default: the settings'.",
    )
