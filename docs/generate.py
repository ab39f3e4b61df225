"""Write the parts of docs/reference/ that are generated from the sources: `python docs/generate.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from qc_edge.settings import Settings
from qc_edge.settings.change import is_live
from qc_edge.settings.model import CameraSettings
from qc_edge.settings.schema import station_schema

REFERENCE = Path(__file__).parent / "reference"

HEAD = """\
# Settings

`/etc/qc-edge/NAME.toml`, read when the station starts and on reload. Generated from
`qc_edge/settings/model.py` by `python docs/generate.py`. A key that is left out has its default; an unknown
key is refused. *live*: applies on `systemctl reload qc-edge@NAME`; everything else on restart.
"""

TABLE = "| key | takes | default | what it does |\n|---|---|---|---|\n"


def settings_reference() -> str:
    """docs/reference/settings.md: one table for each section of the settings."""
    definitions: dict[str, Any] = json.loads(station_schema())["$defs"]
    parts = [HEAD]
    for section, field in Settings.model_fields.items():
        annotation = field.annotation
        one = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation if one else CameraSettings
        assert model is not None  # noqa: S101
        heading = f"[{section}]" if one else f"[[{section}]]"
        parts.append(f"\n## {heading}\n\n{model.__doc__}\n\n{TABLE}")
        shape = definitions[model.__name__]
        for key, value in shape["properties"].items():
            parts.append(_row(f"{section}.{key}", value, definitions, key in shape.get("required", [])))
    return "".join(parts)


def _row(name: str, value: dict[str, Any], definitions: dict[str, Any], required: bool) -> str:
    if "$ref" in value:
        value = definitions[value["$ref"].rsplit("/", 1)[1]] | value
    default = "required" if required else f"`{json.dumps(value['default'])}`" if "default" in value else ""
    live = " *live*" if is_live(name) else ""
    said = value["description"].replace("|", "\\|")
    return f"| `{name.rsplit('.', 1)[1]}` | {_takes(value, definitions)} | {default} | {said}{live} |\n"


def _takes(value: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in value:
        value = definitions[value["$ref"].rsplit("/", 1)[1]] | value
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if value["type"] == "array":
        items = value.get("items") or value["prefixItems"][0]
        count = f"{value['maxItems']} of " if "maxItems" in value else "list of "
        return count + _takes(items, definitions)
    bounds = [
        f"{sign} {value[key]:g}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in value
    ]
    kind = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true, false"}[
        value["type"]
    ]
    return " ".join([kind, ", ".join(bounds)]).strip()


if __name__ == "__main__":
    (REFERENCE / "settings.md").write_text(settings_reference(), encoding="utf-8")
