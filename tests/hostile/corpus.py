"""The corpus: every kind of hostile input by its name, and what drops it."""

from __future__ import annotations

from tests.hostile.circumstances import surrounding_kinds, time_kinds
from tests.hostile.images import image_kinds
from tests.hostile.labels import name_kinds, sidecar_kinds
from tests.hostile.node import Maker

KINDS: dict[str, Maker] = {
    f"{group}: {name}": maker
    for group, kinds in (
        ("image", image_kinds()),
        ("name", name_kinds()),
        ("sidecar", sidecar_kinds()),
        ("time", time_kinds()),
        ("surroundings", surrounding_kinds()),
    )
    for name, maker in kinds.items()
}
"""Of each kind the truth comes with its files: what a station says of itself proves nothing."""
