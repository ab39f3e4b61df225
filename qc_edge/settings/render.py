"""Write a settings file for a person to edit: every key with what it does and its default."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from qc_edge.settings.camera import CameraSettings
from qc_edge.settings.change import is_live
from qc_edge.settings.model import Settings
from qc_edge.settings.view import ViewSettings

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
) -> str:
    """The TOML text of a station: `values` by section and key, one mapping for each camera and
    view.

    All keys that are not given stand there commented out, with their default.
    """
    parts = [_HEAD.format(name=values["station"]["name"])]
    for section, field in Settings.model_fields.items():
        if section == "camera":
            parts += [
                _section("[[camera]]", CameraSettings, camera, "camera") for camera in cameras
            ]
            if not cameras:
                parts.append(
                    _commented(_section("[[camera]]", CameraSettings, {"name": "top"}, "camera"))
                )
        elif section == "view":
            parts += [_section("[[view]]", ViewSettings, view, "view") for view in views]
            if not views:
                example = {"name": "top", "camera": "top"}
                parts.append(_commented(_section("[[view]]", ViewSettings, example, "view")))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            parts.append(
                _section(f"[{section}]", field.annotation, values.get(section, {}), section)
            )
    return "\n".join(parts)


def _section(header: str, model: type[BaseModel], values: Mapping[str, Any], section: str) -> str:
    lines = [f"# {' '.join((model.__doc__ or '').split())}", header]
    for key, field in model.model_fields.items():
        live = " (live)" if is_live(f"{section}.{key}") else ""
        lines += textwrap.wrap(
            f"{field.description}{live}", 100, initial_indent="# ", subsequent_indent="# "
        )
        lines.append(
            f"{key} = {toml_value(values[key])}" if key in values else _default(key, field)
        )
    return "\n".join(lines) + "\n"


def _default(key: str, field: FieldInfo) -> str:
    return f"#{key} =" if field.default is None else f"#{key} = {toml_value(field.default)}"


def _commented(text: str) -> str:
    return "".join(f"{'' if line.startswith('#') else '#'}{line}\n" for line in text.splitlines())


def toml_value(value: object) -> str:
    """One value as TOML: text, numbers, booleans, lists and inline tables of them."""
    if isinstance(value, Mapping):
        items = [f"{key} = {toml_value(item)}" for key, item in value.items()]
        return f"{{ {', '.join(items)} }}" if items else "{}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path):
        value = str(value)
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
