"""Every setting of a station as a person is shown it: name, value, and the file that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qc_edge.settings.layers.layer import MergedSettings, Origin
from qc_edge.settings.model import Settings
from qc_edge.settings.places import Place


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting: its dotted name and its value as JSON has it; `origin` is None for a default.

    `covered` are the places in other files whose value it has replaced, the nearest first.
    """

    name: str
    value: Any
    origin: Origin | None
    covered: tuple[Origin, ...] = ()

    @property
    def source(self) -> str:
        """FILE:LINE, or `default`."""
        return str(self.origin) if self.origin else "default"

    def to_json_values(self) -> dict[str, object]:
        """As `qc-edge settings show --json` prints it."""
        return {
            "name": self.name,
            "value": self.value,
            "file": self.origin and self.origin.where,
            "line": self.origin and self.origin.line,
            "over": [str(origin) for origin in self.covered],
        }


def shown_settings(settings: Settings, merged: MergedSettings) -> Iterator[ShownSetting]:
    """All settings in the order of the reference; an element of a repeated section by its name."""
    for section, value in settings.model_dump(mode="json").items():
        yield from _shown(value, merged.values.get(section), (section,), section, merged)


def _shown(
    value: Any, written: Any, place: Place, name: str, merged: MergedSettings
) -> Iterator[ShownSetting]:
    if isinstance(value, dict) and value:
        inside = written if isinstance(written, dict) else {}
        for key, each in value.items():
            yield from _shown(each, inside.get(key), (*place, key), f"{name}.{key}", merged)
    elif isinstance(value, list) and value and all(_is_named(each) for each in value):
        elements = written if isinstance(written, list) else []
        for number, each in enumerate(value):
            said = elements[number] if number < len(elements) else None
            yield from _shown(each, said, (*place, number), f"{name}.{each['name']}", merged)
    else:
        origin = None if written is None else merged.origin(place)
        yield ShownSetting(name, value, origin, tuple(merged.covered.get(place, ())))


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)
