"""Where a box gets its updates from, and whose signature it takes: /etc/qc-edge/box/update.toml."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from qc_edge.settings.bundles import ModelSettings
from qc_edge.settings.section import Section, Text

UPDATE_FILE = Path("etc/qc-edge/box/update.toml")
"""Under the root of the box; not beside the stations' files, where every *.toml is a station."""


class UpdateSource(Section):
    """The section [update]."""

    source: Text = Field(
        description="https://HOST/PATH, a directory, or stick: a medium labelled QC-EDGE."
    )
    trusted_keys: tuple[str, ...] = Field(
        min_length=1,
        description="Public keys of whoever signs updates, as qc-edge model keygen prints them.",
    )

    @field_validator("source")
    @classmethod
    def _is_known(cls, source: str) -> str:
        if source != "stick" and not source.startswith(("https://", "/")):
            raise ValueError(f"got {source!r}, expected https://..., /a/directory or stick")
        return source

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        ModelSettings(trusted_keys=keys)  # keys of the same form
        return keys
