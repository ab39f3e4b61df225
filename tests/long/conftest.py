"""Keeps the figures of the long tests, with the machine and the commit that they are from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.bench.machine import RESULTS, machine

Keep = Callable[[str, Mapping[str, Any]], None]
SHARE = float(os.environ.get("QC_EDGE_LONG", "1"))
"""QC_EDGE_LONG=0.03 tries it all at 3 % of the size; figures of less than a tenth are not kept."""

_LEAST_KEPT = 0.1


@pytest.fixture
def share() -> float:
    """The part of the full size that is asked for."""
    return SHARE


@pytest.fixture
def keep() -> Keep:
    """Show the figures under a name; keep them in tests/bench/results/, parts under their share."""

    def show_and_keep(name: str, figures: Mapping[str, Any]) -> None:
        kept = {"machine": machine(), "figures": figures}
        print(json.dumps(kept, indent=1))
        if SHARE >= _LEAST_KEPT:
            part = "" if SHARE == 1 else f"-{SHARE:.0%}".replace("%", "-percent")
            (RESULTS / f"long-{name}{part}.json").write_text(json.dumps(kept, indent=1) + "\n")

    return show_and_keep
