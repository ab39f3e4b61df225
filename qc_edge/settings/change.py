"""The differences between two settings, and which of them a running station takes over."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from qc_edge.settings.model import Settings

LIVE = (
    "station.deadline_ms",
    "station.time_zone",
    "station.shifts",
    "model.threshold",
    "model.review_band",
    "incoming.part_id_pattern",
    "incoming.part_id",
    "incoming.repeated_frames",
    "incoming.repeated_part_ids",
    "incoming.repeat_window_s",
    "incoming.sidecar",
    "incoming.sidecar_wait_s",
    "incoming.sidecar_apart_s",
    "incoming.settle_s",
    "incoming.max_megapixels",
    "incoming.max_decoded_mb",
    "incoming.max_file_mb",
    "storage.",
    "log.",
    "page.",
    "review.",
    "spc.",
    "due.",
    "challenge.",
    "upstream.",
    "retention.",
    "approval.",
)
"""Names (or the beginnings of names) that apply on reload; everything else needs a restart."""

_REPEATED = frozenset({"camera", "view", "output"})
"""Sections of which there are several, each with a name."""

_LATER = (
    *("page", "review", "spc", "due", "challenge", "view", "recipe", "part", "output", "upstream"),
    *("approval", "retention"),
)
"""Sections that came when stations ran already: while at their defaults they are left out of the
digest, so that new software alone changes no station's settings.
"""

_LATER_KEYS = {
    "model": ("require_evaluation",),
    "engine": ("workspace_mb",),
    "approval": ("model",),
    "upstream": ("host_keys", "known_hosts"),
}
"""Keys of older sections that came later, likewise."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that differs: its dotted name and both values, as JSON has them."""

    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name}: {_shown(self.before)} -> {_shown(self.after)}"


def settings_digest(settings: Settings) -> str:
    """SHA-256 (hex) of `settings_text`: equal settings, equal digest."""
    return hashlib.sha256(settings_text(settings).encode()).hexdigest()


def settings_text(settings: Settings) -> str:
    """The settings as canonical JSON with all defaults filled in: what the digest is taken over."""
    return json.dumps(_values(settings), sort_keys=True, separators=(",", ":"))


def is_live(name: str) -> bool:
    """True if the setting with this dotted name applies on reload: it or what it is in."""
    return any(
        name == live or name.startswith(live if live.endswith(".") else f"{live}.") for live in LIVE
    )


def split_changes(
    old: Settings, new: Settings
) -> tuple[tuple[SettingChange, ...], tuple[SettingChange, ...]]:
    """The changes from `old` to `new`: (those that apply at once, those that need a restart)."""
    changes = differences(_values(old), _values(new))
    live = tuple(change for change in changes if is_live(change.name))
    return live, tuple(change for change in changes if not is_live(change.name))


def differences(old: dict[str, Any], new: dict[str, Any]) -> tuple[SettingChange, ...]:
    """The changes from `old` to `new`, both as the canonical JSON has them; a missing key is
    none.
    """
    before, after = _flat(old), _flat(new)
    return tuple(
        SettingChange(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def apply_live(old: Settings, new: Settings) -> Settings:
    """`old` with those settings of `new` that apply at once: what a reloaded station runs on."""
    sections = {}
    for section in type(old).model_fields:
        old_section, new_section = getattr(old, section), getattr(new, section)
        if section not in _REPEATED:
            live = [key for key in type(old_section).model_fields if is_live(f"{section}.{key}")]
            sections[section] = old_section.model_copy(
                update={key: getattr(new_section, key) for key in live}
            )
    return old.model_copy(update=sections)


def _values(settings: Settings) -> dict[str, Any]:
    """All values as JSON has them, without what came later and says nothing."""
    values = settings.model_dump(mode="json")
    defaults = {name: type(settings).model_fields[name].get_default() for name in _LATER}
    for section, keys in _LATER_KEYS.items():
        chosen = getattr(settings, section)
        for key in keys:
            if getattr(chosen, key) == type(chosen).model_fields[key].get_default():
                del values[section][key]
    return {
        name: value
        for name, value in values.items()
        if name not in defaults or getattr(settings, name) != defaults[name]
    }


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat = {
        f"{section}.{key}": value
        for section, keys in values.items()
        if section not in _REPEATED
        for key, value in keys.items()
    }
    for section in _REPEATED & values.keys():
        flat[section] = [each["name"] for each in values[section]]
        flat |= {
            f"{section}.{each['name']}.{key}": value
            for each in values[section]
            for key, value in each.items()
            if key != "name"
        }
    return flat


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value)
