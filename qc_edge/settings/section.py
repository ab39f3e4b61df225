"""What all sections of the settings file share: no unknown key, no change after reading."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,30}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Text = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """One section: an unknown key is a fault, and so is a number that is none."""

    # No nan, which TOML can spell: every comparison with it is false, so no bound would refuse.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
