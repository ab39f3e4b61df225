"""What `init` writes for people and editors: the commented TOML and its JSON schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qc_edge.settings import Settings, parse_settings, toml
from qc_edge.settings.render import render_settings, toml_value
from qc_edge.settings.schema import station_schema

STATION = {"station": {"name": "line1"}}


def test_a_rendered_file_gives_the_settings_back() -> None:
    camera: dict[str, Any] = {
        "name": "top",
        "backend": "folder",
        "images": Path("/parts"),
        "rate_hz": 4.5,
    }
    text = render_settings(
        STATION | {"model": {"threshold": 0.25}}, [camera, {"name": "left", "roi": (0, 0, 8, 8)}]
    )
    settings = parse_settings(text, "line1.toml")
    assert [each.name for each in settings.camera] == ["top", "left"]
    assert settings.camera[0].images == Path("/parts")
    assert settings.camera[1].roi == (0, 0, 8, 8)
    assert settings.model.threshold == 0.25


def test_taking_the_hash_away_from_every_default_changes_nothing() -> None:
    views = [{"name": "above", "camera": "top"}]
    outputs = [{"name": "plc", "protocol": "scripted"}]
    text = render_settings(STATION, [{"name": "top"}], views, outputs)
    opened = re.sub(r"(?m)^#(\w+ = .+)$", r"\1", text)
    assert opened.count("\n#") < text.count("\n#")
    assert parse_settings(opened, "opened") == parse_settings(text, "line1.toml")


def test_every_key_stands_in_the_file_with_its_description() -> None:
    text = render_settings(STATION, [])
    for section in Settings.model_fields:
        assert re.search(rf"(?m)^#?\[+{section}\]", text)
    assert "#threshold =" in text
    assert "A score at or above it FAILs" in text
    assert "(live)" in text


def test_editors_find_the_schema() -> None:
    assert render_settings(STATION, []).splitlines()[0] == "#:schema ./station.schema.json"


def test_the_schema_knows_every_key_and_no_null() -> None:
    schema = json.loads(station_schema())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert "null" not in station_schema()
    backend = schema["$defs"]["CameraSettings"]["properties"]["backend"]
    assert "emulated" in backend["enum"]


@given(
    st.text()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
def test_any_value_survives_the_toml(value: object) -> None:
    assert toml.loads(f"key = {toml_value(value)}\n")["key"] == value
