"""Settings of one output by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from qc_edge.settings.outside.output import LineSettings, OutputSettings
from qc_edge.settings.outside.outputs import AnyOutput

_ADAPTER: TypeAdapter[OutputSettings] = TypeAdapter(AnyOutput)


def line_settings(values: Mapping[str, Any]) -> LineSettings:
    """Of an output with a handshake. Raises pydantic.ValidationError."""
    settings = _ADAPTER.validate_python(values)
    assert isinstance(settings, LineSettings)
    return settings
