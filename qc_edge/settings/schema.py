"""The settings as a JSON schema, for editors: `python -m qc_edge.settings.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qc_edge.settings.model import Settings

SCHEMA_FILE = Path(__file__).with_name("station.schema.json")
"""The schema as it is shipped; `qc-edge init` puts a copy beside the settings."""


def station_schema() -> str:
    """The schema (draft 2020-12) as JSON text: descriptions, bounds, choices and defaults."""
    schema = _for_toml(Settings.model_json_schema())
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a qc-edge station",
        "description": "NAME.toml in /etc/qc-edge.",
    }
    return (
        json.dumps(head | {key: schema[key] for key in schema if key not in head}, indent=2) + "\n"
    )


def _for_toml(node: Any) -> Any:
    """The same schema without `null` (TOML has none) and without titles, which repeat the keys."""
    if isinstance(node, list):
        return [_for_toml(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _for_toml(value) for key, value in node.items()}
    if "default" in node and not isinstance(node["default"], (str, int, float, list)):
        del node["default"]
    choices = [choice for choice in node.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1 and "anyOf" in node:
        del node["anyOf"]
        node = choices[0] | node
    if isinstance(node.get("title"), str):
        del node["title"]
    return node


if __name__ == "__main__":
    SCHEMA_FILE.write_text(station_schema(), encoding="utf-8")
