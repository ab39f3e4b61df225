"""docs/reference/events.md has every kind of event, and no other."""

from __future__ import annotations

import re

from qc_edge.domain.events import EventKind
from tests.quality.tools import REPOSITORY


def test_every_kind_of_event_is_documented() -> None:
    text = (REPOSITORY / "docs/reference/events.md").read_text(encoding="utf-8")
    documented = re.findall(r"(?m)^\| `(\w+)` \|", text)
    assert sorted(documented) == sorted(map(str, EventKind))
