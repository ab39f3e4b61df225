"""Write a settings file for a person to edit: every key with what it does and its default."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, time
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from qc_edge.settings.camera import CameraSettings
from qc_edge.settings.change import is_live
from qc_edge.settings.model import Settings
from qc_edge.settings.outside.outputs import OUTPUTS
from qc_edge.settings.view import ViewSettings

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")

_HEAD = """\
#:schema ./station.schema.json
# The settings of station {name}. A line that starts with # shows a default; take the # away to
# change it. `qc-edge check {name}` shows every fault at once. (live) applies on `systemctl reload
# qc-edge@{name}`, everything else on restart.
"""


def render_settings(
    values: Mapping[str, Mapping[str, Any]],
    cameras: Sequence[Mapping[str, Any]],
    views: Sequence[Mapping[str, Any]] = (),
    outputs: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The TOML text of a station: `values` by section and key, one mapping for each camera,
    view and output.

    All keys that are not given stand there commented out, with their default.
    """
    parts = [_HEAD.format(name=values["station"]["name"])]
    repeated: dict[str, tuple[type[BaseModel], Sequence[Mapping[str, Any]], Mapping[str, Any]]] = {
        "camera": (CameraSettings, cameras, {"name": "top"}),
        "view": (ViewSettings, views, {"name": "top", "camera": "top"}),
        "output": (OUTPUTS["modbus"], outputs, {"name": "plc", "protocol": "modbus"}),
    }
    for section, field in Settings.model_fields.items():
        if section in repeated:
            model, given, example = repeated[section]
            header = f"[[{section}]]"
            for each in given:
                kind = OUTPUTS.get(each.get("protocol", ""), model)
                parts.append(_section(header, kind, each, section))
            if not given:
                parts.append(_commented(_section(header, model, example, section)))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            parts.append(
                _section(f"[{section}]", field.annotation, values.get(section, {}), section)
            )
    return "\n".join(parts)


def _section(header: str, model: type[BaseModel], values: Mapping[str, Any], section: str) -> str:
    lines = [f"# {' '.join((model.__doc__ or '').split())}", header]
    for key, field in model.model_fields.items():
        lines += _description(f"{section}.{key}", field.description or "")
        lines.append(
            f"{key} = {toml_value(values[key])}" if key in values else _default(key, field)
        )
    return "\n".join(lines) + "\n"


@cache
def _description(key: str, text: str) -> list[str]:
    live = " (live)" if is_live(key) else ""
    return textwrap.wrap(f"{text}{live}", 100, initial_indent="# ", subsequent_indent="# ")


def _default(key: str, field: FieldInfo) -> str:
    return f"#{key} =" if field.default is None else f"#{key} = {toml_value(field.default)}"


def _commented(text: str) -> str:
    return "".join(f"{'' if line.startswith('#') else '#'}{line}\n" for line in text.splitlines())


def toml_key(key: str) -> str:
    """One key as TOML: in quotes where it is no plain word."""
    return key if _PLAIN_KEY.fullmatch(key) else toml_value(key)


def toml_value(value: object) -> str:
    """One value as TOML: text, numbers, booleans, dates, lists and inline tables of them."""
    if isinstance(value, Mapping):
        items = [f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items()]
        return f"{{ {', '.join(items)} }}" if items else "{}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
