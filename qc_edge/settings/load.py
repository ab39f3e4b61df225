"""Reading a settings file: all faults at once, each with its line and what was expected."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.errors import SettingsError, StationAbsentError
from qc_edge.settings.layers.layer import MergedSettings, merge, parse_layer, read_layers
from qc_edge.settings.model import Settings
from qc_edge.settings.outside.outputs import OUTPUTS
from qc_edge.settings.places import Place

_EXPECTED = {
    "string_type": 'text in quotes: "..."',
    "path_type": 'a path in quotes: "/..."',
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "string_too_short": "text that is not empty",
}


def load_settings(path: Path) -> Settings:
    """The settings in `path`, over those that all stations share in `common.d/` beside it.

    Raises SettingsError that names every fault with its file, StationAbsentError if there is no
    such file, RightsError if this user may not read it.
    """
    try:
        layers = read_layers(path)
    except FileNotFoundError:
        raise _no_such_station(path) from None
    settings = parse_merged(merge(layers), path.parent.absolute())
    if settings.station.name != path.stem:
        raise SettingsError(
            f"{path} says station.name = {settings.station.name!r}, expected its file name "
            f"{path.stem!r}",
            hint="change the name in the file, or rename the file",
        )
    return settings


def parse_settings(text: str, where: str, base: Path = Path("/")) -> Settings:
    """The settings in the TOML `text`. Raises SettingsError that names every fault.

    `where` names the text in messages; relative paths in it start at `base`.
    """
    return parse_merged(merge((parse_layer(text, where),)), base)


def parse_merged(merged: MergedSettings, base: Path = Path("/")) -> Settings:
    """The settings of all layers together. Raises SettingsError that names every fault, each with
    its file if there are several.
    """
    try:
        # As JSON and strictly: pydantic then takes no number for text and no text for a number, but
        # still lists for tuples and text for enums, as TOML has them.
        return Settings.model_validate_json(
            json.dumps(merged.values, default=str), strict=True, context={"base": base}
        )
    except ValidationError as faults:
        in_order = sorted(faults.errors(), key=lambda fault: _order(_place(fault), merged))
        messages = [_message(fault, merged) for fault in in_order]
        raise SettingsError(
            f"{merged.where} has {len(messages)} fault{'s'[: len(messages) > 1]}:\n"
            + "\n".join(f"  {message}" for message in messages),
            hint="mend the file, then run `qc-edge check`; an editor with TOML support completes "
            "the keys",
        ) from None


def station_calendar(path: Path) -> StationCalendar:
    """The calendar in the settings file `path`; UTC where there is none, as beside a copied log.

    Raises SettingsError.
    """
    return load_settings(path).station.calendar if path.exists() else UTC_CALENDAR


def _no_such_station(path: Path) -> StationAbsentError:
    stations = sorted(file.stem for file in path.parent.glob("*.toml"))
    near = _did_you_mean(path.stem, stations)
    return StationAbsentError(
        f"there is no station {path.stem!r}: {path} does not exist{near}",
        hint=f"stations here: {', '.join(stations)}"
        if stations
        else f"make it: qc-edge init {path.stem}",
    )


def _order(place: Place, merged: MergedSettings) -> tuple[int, int]:
    """As the files count, and in each from its first line on."""
    origin, names = merged.origin(place), [layer.where for layer in merged.layers]
    return (names.index(origin.where), origin.line) if origin else (len(names), 0)


def _message(fault: ErrorDetails, merged: MergedSettings) -> str:
    place = _place(fault)
    origin, where = merged.origin(place), dotted(place, merged.values)
    if origin:
        file = f"{origin.where}, " if len(merged.layers) > 1 else ""
        where = f"{file}line {origin.line}, {where}"
    return f"{where}: {_explain(fault, fault['loc'])}"


def _place(fault: ErrorDetails) -> Place:
    """Where it stands in the file: of an output, without the protocol that tells its keys."""
    place = fault["loc"]
    if fault["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return (*place, "protocol")
    return (*place[:2], *place[3:]) if _is_of_output(place) else place


def _is_of_output(place: Place) -> bool:
    return len(place) > 2 and place[0] == "output" and place[2] in OUTPUTS


def dotted(place: Place, values: Any) -> str:
    """The place as a person would write it: `camera[top].exposure_us`."""
    dotted = ""
    for part in place:
        try:
            values = values[part]
        except (LookupError, TypeError):
            values = None
        if isinstance(part, str):
            dotted += f".{part}" if dotted else part
        elif isinstance(values, dict) and isinstance(values.get("name"), str):
            dotted += f"[{values['name']}]"
        else:
            dotted += f"[#{part + 1}]"
    return dotted


def _explain(fault: ErrorDetails, place: Place) -> str:
    """What is wrong and what was expected, for a person who has never seen the program's types."""
    kind, given = fault["type"], json.dumps(fault["input"], default=str)
    if kind == "extra_forbidden":
        keys, what = _known_keys(place[:-1]), "key" if len(place) > 1 else "section"
        return f"unknown {what}" + (
            _did_you_mean(str(place[-1]), keys) or f"; known: {', '.join(keys)}"
        )
    if kind == "union_tag_not_found":
        return f"missing; one of {', '.join(OUTPUTS)}"
    if kind == "union_tag_invalid":
        given = str(fault["input"].get("protocol"))
        return f"got {given!r}, expected one of {', '.join(OUTPUTS)}" + _did_you_mean(
            given, list(OUTPUTS)
        )
    if kind == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    field = _field(place)
    if isinstance(place[-1], int) and field and not isinstance(fault["input"], dict):
        return f"got {given}; {field.description}"
    if kind == "missing":
        return f"missing; {field.description if field else 'it must be there'}"
    if kind in {"model_type", "model_attributes_type"}:
        return f"expected a section, [{place[0]}], got {given}"
    if place in {("camera",), ("view",), ("output",)} and kind == "tuple_type":
        return f"each {place[0]} is a section of its own: [[{place[0]}]], with two brackets"
    if kind == "string_pattern_mismatch":
        pattern = fault["ctx"]["pattern"]
        return f"got {given}, expected the form {pattern}" + (
            f" ({field.description})" if field else ""
        )
    expected = _EXPECTED.get(kind) or fault["msg"].removeprefix("Input should be ")
    return f"got {given}, expected {expected}"


def _field(place: Place) -> FieldInfo | None:
    *section, key = [part for part in place if isinstance(part, str)] or [""]
    return (_section(tuple(section)) or Settings).model_fields.get(key)


def _known_keys(place: Place) -> list[str]:
    section = _section(tuple(part for part in place if isinstance(part, str)))
    return list(section.model_fields) if section else []


def _section(names: tuple[str, ...]) -> type[BaseModel] | None:
    """The model of the section at `names`, None where the settings have no such section."""
    section: type[BaseModel] = Settings
    if names[:1] == ("output",) and len(names) > 1:
        section, names = OUTPUTS.get(names[1], Settings), names[2:]
    for name in names:
        field = section.model_fields.get(name)
        annotation = field.annotation if field else None
        # Of a repeated section, tuple[CameraSettings, ...], the type of one.
        inner = getattr(annotation, "__args__", (annotation,))[0]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return None
        section = inner
    return section


def _did_you_mean(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
