"""The sections [model], [shadow], [recipe] and [approval]: which bundle judges, which one only
scores along, which are kept loaded, and what of it two people have to agree on.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from qc_edge.settings.section import NAME_PATTERN, Section

KEY_PREFIX = "ed25519:"
_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=( \S.*)?")
BUNDLE_PATTERN = r"^[a-z][a-z0-9-]*@[A-Za-z0-9.+-]+$"


class ModelSettings(Section):
    """Which model judges, and where the line between good and bad is."""

    bundle: str = Field(
        default="reference@1",
        pattern=BUNDLE_PATTERN,
        description="NAME@VERSION of the bundle. The initial value: an activation by qc-edge "
        "model takes its place.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A score at or above it FAILs; without it, the bundle's default. The initial "
        "value: a record made by qc-edge threshold takes its place.",
    )
    review_band: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Scores this near the threshold go to the review queue; default: the bundle's.",
    )
    trusted_keys: tuple[str, ...] = Field(
        default=(),
        description="Public keys of whoever approves models, as qc-edge model keygen prints them; "
        "a name may stand behind each.",
    )
    require_signature: bool = Field(
        default=False, description="Take only bundles that one of trusted_keys has signed."
    )
    require_evaluation: bool = Field(
        default=False,
        description="Take only bundles that qc-edge model approve has a record of: evaluated on "
        "parts that they had not seen.",
    )

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not _KEY.fullmatch(key):
                raise ValueError(
                    f"got {key!r}, expected 'ed25519:' and 44 signs, as qc-edge model keygen prints"
                )
        return keys

    @model_validator(mode="after")
    def _has_whom_to_trust(self) -> ModelSettings:
        if self.require_signature and not self.trusted_keys:
            raise ValueError(
                "require_signature is true and trusted_keys is empty: no bundle could be taken"
            )
        return self


class ShadowSettings(Section):
    """A second bundle that scores the same frames after the line was told; it has no effect on the
    line.
    """

    bundle: str | None = Field(
        default=None,
        pattern=BUNDLE_PATTERN,
        description="NAME@VERSION of the bundle; none: no shadow.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="What its verdicts are counted by; without it, its bundle's own.",
    )


class RecipeSettings(Section):
    """Recipes: what a product needs, made and approved by qc-edge recipe."""

    resident: tuple[Annotated[str, Field(pattern=NAME_PATTERN)], ...] = Field(
        default=(),
        description="Recipes whose engines are loaded and proven ahead, as far as the memory "
        "allows: a changeover to them takes no time. Others load in the background first.",
    )


class ApprovalSettings(Section):
    """Changes for which one person proposes and another one approves."""

    threshold: bool = Field(
        default=False,
        description="A threshold is proposed and then approved by somebody else, on the page or by "
        "qc-edge threshold NAME propose and approve; set is refused.",
    )
    recipe: bool = Field(
        default=False,
        description="A revision of a recipe is approved by somebody else than who wrote it.",
    )
    model: bool = Field(
        default=False,
        description="A bundle is activated by somebody else than who approved it, as its manifest "
        "has the name. A rollback is not asked: it goes back to what two people looked at.",
    )
