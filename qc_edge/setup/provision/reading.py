"""Reads the file that a box is provisioned from: all faults at once, each with its line."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qc_edge.errors import SettingsError
from qc_edge.settings.layers.layer import Layer, parse_layer
from qc_edge.settings.places import Place
from qc_edge.setup.provision.box_file import BoxFile, StationSection
from qc_edge.setup.provision.secrets import find_secrets


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """What a box shall be: the file, and the layers of settings that it makes."""

    path: Path
    file: BoxFile
    template: Layer | None
    shared: Layer
    stations: tuple[tuple[StationSection, Layer], ...]


def read_plan(path: Path) -> BoxPlan:
    """The plan in the TOML `path`. Raises SettingsError with everything that is wrong in it."""
    layer = parse_layer(_text(path), str(path))
    if secrets := list(find_secrets(layer.values)):
        raise SettingsError(
            f"{path} holds what looks like a secret: {', '.join(secrets)}",
            hint="secrets are systemd credentials (credstore.encrypted/ beside the file, "
            "docs/integrator.md); people of the page get one-time codes",
        )
    try:
        file = BoxFile.model_validate_json(json.dumps(layer.values, default=str), strict=True)
    except ValidationError as faults:
        lines = "\n".join(f"  {_message(fault, layer)}" for fault in faults.errors())
        raise SettingsError(
            f"{path} is refused:\n{lines}", hint="the keys: docs/integrator.md, A box from one file"
        ) from None
    template = None
    if file.template:
        where = path.parent / file.template
        template = parse_layer(_text(where), str(where))
    stations = tuple(
        (station, _station_layer(station, layer, number))
        for number, station in enumerate(file.station)
    )
    return BoxPlan(path, file, template, _shared_layer(file, layer), stations)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(
            f"cannot read {path}: {fault}", hint="expected a UTF-8 TOML file"
        ) from None


def _shared_layer(file: BoxFile, layer: Layer) -> Layer:
    """`common.d/50-box.toml`: the keys of the models, [upstream] and [settings] of the box."""
    values: dict[str, Any] = dict(file.settings)
    lines = _moved(layer.lines, ("settings",), ())
    if file.trusted_keys:
        values["model"] = {"trusted_keys": list(file.trusted_keys)} | values.get("model", {})
        lines |= _moved(layer.lines, ("trusted_keys",), ("model", "trusted_keys"))
    if file.upstream:
        values["upstream"] = {**file.upstream, **values.get("upstream", {})}
        lines |= _moved(layer.lines, ("upstream",), ("upstream",))
    return Layer(layer.where, values, lines)


def _station_layer(station: StationSection, layer: Layer, number: int) -> Layer:
    """The settings of one station, and where in the file of the box each stands."""
    values: dict[str, Any] = {"station": {"name": station.name}}
    here: Place = ("station", number)
    lines: dict[Place, int] = {("station", "name"): layer.lines.get((*here, "name"), 1)}
    lines |= _moved(layer.lines, (*here, "settings"), ())
    for key, value in station.settings.items():
        both = isinstance(value, dict) and key in values
        values[key] = {**value, **values[key]} if both else value
    own = values.get("camera", [])
    cameras = [dict(each) for each in own] if isinstance(own, list) else []
    for name, serial in station.cameras.items():
        known = next((each for each in cameras if each.get("name") == name), None)
        if known is None:
            cameras.append({"name": name, "serial": serial})
        else:
            known["serial"] = serial
        at: Place = ("camera", len(cameras) - 1)
        lines[at] = layer.lines.get((*here, "cameras"), 1)
    if cameras:
        values["camera"] = cameras
    return Layer(layer.where, values, lines)


def _moved(lines: dict[Place, int], below: Place, to: Place) -> dict[Place, int]:
    return {
        (*to, *place[len(below) :]): line
        for place, line in lines.items()
        if place[: len(below)] == below and (to or len(place) > len(below))
    }


def _message(fault: ErrorDetails, layer: Layer) -> str:
    place = fault["loc"]
    dotted = ".".join(f"#{part + 1}" if isinstance(part, int) else part for part in place)
    line = next(
        (
            layer.lines[place[:length]]
            for length in range(len(place), 0, -1)
            if place[:length] in layer.lines
        ),
        None,
    )
    where = f"line {line}, {dotted}" if line else dotted
    if fault["type"] == "extra_forbidden":
        known = _known_keys(place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, 1)
        return f"{where}: unknown key" + (
            f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
        )
    if fault["type"] == "missing":
        return f"{where}: missing"
    given = json.dumps(fault["input"], default=str)
    said = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" + ("" if fault["type"] == "value_error" else f", got {given[:60]}")


def _known_keys(place: Place) -> list[str]:
    model: type[BaseModel] = BoxFile
    for part in place:
        if isinstance(part, str) and (field := model.model_fields.get(part)):
            arguments = getattr(field.annotation, "__args__", (field.annotation,))
            inner = next((each for each in arguments if isinstance(each, type)), None)
            if inner is None or not issubclass(inner, BaseModel):
                return []
            model = inner
    return list(model.model_fields)
