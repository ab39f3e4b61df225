"""One file of a station's settings, and how several become one: the later goes before the earlier.

Sections are merged key by key, and so are repeated ones by their `name`: `[[camera]] name = "top"`
of the station adds to the camera `top` that all stations share. Everything else, a list too, is
replaced as a whole. For each value the merged settings know the file and the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qc_edge.errors import RIGHTS_HINT, RightsError, SettingsError
from qc_edge.settings import toml
from qc_edge.settings.places import Place, lines_by_place

COMMON = "common.d"
"""Beside the stations' files: what is in force for each of them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands: the file, and the line (from 1) in it."""

    where: str
    line: int

    def __str__(self) -> str:
        return f"{self.where}:{self.line}"


@dataclass(frozen=True, slots=True)
class Layer:
    """One file: what it is called in messages, the values in it, and the line of each."""

    where: str
    values: dict[str, Any]
    lines: dict[Place, int]


@dataclass(frozen=True, slots=True)
class MergedSettings:
    """The values of all layers, not validated, and where each of them stands.

    `origins` has a place for each key and each section header; `covered` those places in earlier
    layers that a later one has replaced.
    """

    layers: tuple[Layer, ...]
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, Origin] = field(default_factory=dict)
    covered: dict[Place, list[Origin]] = field(default_factory=dict)

    def origin(self, place: Place) -> Origin | None:
        """Where `place` stands, or the nearest section around it that is written down."""
        for length in range(len(place), 0, -1):
            if origin := self.origins.get(place[:length]):
                return origin
        return None

    @property
    def where(self) -> str:
        """All the files, each once, for a message."""
        return " over ".join(dict.fromkeys(layer.where for layer in reversed(self.layers)))


def parse_layer(text: str, where: str) -> Layer:
    """The layer in the TOML `text`. Raises SettingsError if it is none."""
    try:
        return Layer(where, toml.loads(text), lines_by_place(text))
    except toml.TOMLDecodeError as fault:
        raise SettingsError(
            f"{where} is not valid TOML: {fault}",
            hint='expected [section] lines, key = value lines, and text in "quotes"',
        ) from None


def read_layers(path: Path) -> tuple[Layer, ...]:
    """The layers of the station whose own file is `path`, its own last.

    Raises FileNotFoundError if there is no such station, RightsError if this user may not read one
    of the files, SettingsError if one is no TOML, or shared and names a station.
    """
    own = read_layer(path)
    common = [read_layer(file) for file in common_files(path.parent)]
    for layer in common:
        refuse_a_name(layer)
    return (*common, own)


def common_files(directory: Path) -> list[Path]:
    """The shared files beside the stations' own in `directory`, in the order in which they count.

    Those that begin with a dot are an editor's. Raises RightsError if this user may not look,
    SettingsError if it is no directory.
    """
    shared = directory / COMMON
    try:
        # Not by glob(), which takes a directory that it may not read for an empty one: the station
        # would judge without what all stations share, and nobody would know.
        files = sorted(shared.iterdir())
    except FileNotFoundError:
        return []
    except PermissionError:
        raise _not_readable(shared) from None
    except OSError as fault:
        raise SettingsError(
            f"cannot read {shared}: {fault.strerror}", hint="expected a directory of *.toml files"
        ) from None
    return [file for file in files if file.suffix == ".toml" and file.name[0] != "."]


def merge(layers: tuple[Layer, ...]) -> MergedSettings:
    """All layers as one; the last goes first."""
    merged = MergedSettings(layers)
    for layer in layers:
        moved: dict[Place, int] = {}
        _merge_section(merged.values, layer.values, (), moved)
        for place, line in layer.lines.items():
            at = _translated(place, moved)
            before = merged.origins.get(at)
            if before is not None and before.where != layer.where:
                merged.covered.setdefault(at, []).insert(0, before)
            merged.origins[at] = Origin(layer.where, line)
    return merged


def read_layer(path: Path) -> Layer:
    """The layer in the file `path`. Raises FileNotFoundError, RightsError, SettingsError."""
    try:
        return parse_layer(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise
    except PermissionError:
        raise _not_readable(path) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(
            f"cannot read {path}: {fault}", hint="expected a UTF-8 TOML file"
        ) from None


def _not_readable(path: Path) -> RightsError:
    return RightsError(
        f"{path}: this user may not read it",
        hint=f"{RIGHTS_HINT}; for the service: sudo qc-edge install --station NAME",
    )


def refuse_a_name(layer: Layer) -> None:
    """Raise SettingsError if a shared layer says how the station is called."""
    station = layer.values.get("station")
    if isinstance(station, dict) and "name" in station:
        line = layer.lines.get(("station", "name"))
        raise SettingsError(
            f"{layer.where}, line {line}, station.name: it would be the name of every station here",
            hint="take it away: the name stands in each station's own file",
        )


def _merge_section(
    into: dict[str, Any], values: dict[str, Any], place: Place, moved: dict[Place, int]
) -> None:
    """`moved`: where an element of a repeated section in this layer is in the merged one."""
    for key, value in values.items():
        before = into.get(key)
        if isinstance(value, dict):
            section = before if isinstance(before, dict) else {}
            into[key] = section
            _merge_section(section, value, (*place, key), moved)
        elif _is_repeated(value) and (before is None or _is_repeated(before)):
            into[key] = _merge_repeated(before or [], value, (*place, key), moved)
        else:
            into[key] = value


def _merge_repeated(
    before: list[dict[str, Any]],
    values: list[dict[str, Any]],
    place: Place,
    moved: dict[Place, int],
) -> list[dict[str, Any]]:
    merged = list(before)
    # Of the layers before alone: the same name twice in one file is a fault, and stays one.
    known = {element["name"]: at for at, element in enumerate(before)}
    for number, element in enumerate(values):
        at = known.pop(element["name"], len(merged))
        if at == len(merged):
            merged.append({})
        own: Place = (*place, number)
        moved[own] = at
        _merge_section(merged[at], element, own, moved)
    return merged


def _is_repeated(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in value)
    )


def _translated(place: Place, moved: dict[Place, int]) -> Place:
    """The place of a layer as a place of the merged settings."""
    translated: Place = ()
    for length, part in enumerate(place, 1):
        translated = (*translated, moved.get(place[:length], part))
    return translated
