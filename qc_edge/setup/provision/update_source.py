"""Where a box gets its updates from, and whose signature it takes: /etc/qc-edge/box/update.toml."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from qc_edge.errors import SettingsError
from qc_edge.settings import toml
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


def read_update_source(root: Path) -> UpdateSource:
    """What the box under `root` says. Raises SettingsError if it says nothing, or not well."""
    path = root / UPDATE_FILE
    try:
        values = toml.loads(path.read_text(encoding="utf-8"))
        return UpdateSource.model_validate_json(json.dumps(values, default=str), strict=True)
    except FileNotFoundError:
        raise SettingsError(
            f"this box does not know where updates come from: there is no {path}",
            hint="[update] source and trusted_keys in the file for qc-edge provision, or write it: "
            'source = "https://..." and trusted_keys = ["ed25519:..."]',
        ) from None
    except (OSError, toml.TOMLDecodeError, ValidationError) as fault:
        raise SettingsError(
            f"{path} is refused: {fault}", hint='source = "https://...", trusted_keys = [...]'
        ) from None
