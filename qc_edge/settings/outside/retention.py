"""The section [retention]: for how long pictures are kept, and what goes for want of room."""

from __future__ import annotations

from pydantic import Field, model_validator

from qc_edge.domain.evidence.retention import KeepRule, RetentionClass, RetentionPolicy
from qc_edge.settings.section import Section

_KEPT = "are kept for so many days; for ever if left out"
_EVERY = "Of them every so many-th, chosen by its digest, is kept for ever; 0: none."


class RetentionSettings(Section):
    """Which pictures are deleted, and when; rows never are. Off until `enabled`.

    Of the classes that fit an inspection the one counts that keeps it longest.
    """

    enabled: bool = Field(default=False, description="Delete pictures by these rules.")
    pass_days: float | None = Field(default=None, ge=1, description=f"Pictures of PASS {_KEPT}.")
    pass_every: int = Field(default=20, ge=0, description=_EVERY)
    fail_days: float | None = Field(
        default=None, ge=1, description=f"Those of FAIL that a person has looked at {_KEPT}."
    )
    fail_every: int = Field(default=0, ge=0, description=_EVERY)
    invalid_days: float | None = Field(default=None, ge=1, description=f"Those of INVALID {_KEPT}.")
    invalid_every: int = Field(default=0, ge=0, description=_EVERY)
    near_threshold_days: float | None = Field(
        default=None, ge=1, description=f"Those within the review band {_KEPT}."
    )
    near_threshold_every: int = Field(default=0, ge=0, description=_EVERY)
    reviewed_days: float | None = Field(
        default=None, ge=1, description=f"Those of parts that a person has labelled {_KEPT}."
    )
    reviewed_every: int = Field(default=0, ge=0, description=_EVERY)
    audit_days: float | None = Field(
        default=None, ge=1, description=f"Those drawn for the audit {_KEPT}."
    )
    audit_every: int = Field(default=0, ge=0, description=_EVERY)
    target_free_mb: float = Field(
        default=0.0,
        ge=0,
        description="With less room than this, pictures go before their days are over, oldest "
        "first, those of classes without days never (MB); 0: never before.",
    )
    least_days: float = Field(
        default=1.0, ge=0.01, description="However short the room is, nothing younger goes (days)."
    )

    @property
    def policy(self) -> RetentionPolicy:
        """The rules as values."""
        rules = {
            each: KeepRule(getattr(self, f"{each}_days"), getattr(self, f"{each}_every"))
            for each in RetentionClass
        }
        return RetentionPolicy(rules, self.least_days)

    @model_validator(mode="after")
    def _says_something(self) -> RetentionSettings:
        if self.enabled and all(rule.days is None for rule in self.policy.rules.values()):
            raise ValueError("enabled, but no class has days: pass_days = 30 is missing")
        return self
