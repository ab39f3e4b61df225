"""What a box knows of its updates: what is staged, what was applied, and how that ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.store.durable import write_file

BOX = Path("var/lib/qc-edge-box")
"""Under the root of the box: what is the box's and no station's."""

STAGED = BOX / "staged"
_STATE = BOX / "update-state.json"


@dataclass(frozen=True, slots=True)
class AppliedUpdate:
    """The last update that was applied: from which version to which, when, and what became of it.

    `outcome` is `trying`, `good` or `fell_back`; `why` says what was wrong.
    """

    version: str
    before: str
    at: datetime
    outcome: str
    why: str = ""


def read_applied(root: Path) -> AppliedUpdate | None:
    """The last update of the box under `root`; None if there was none. Raises StoreError."""
    path = root / _STATE
    try:
        values: dict[str, Any] = json.loads(path.read_bytes())
        return AppliedUpdate(**values | {"at": datetime.fromisoformat(values["at"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StoreError(f"{path} does not read: {fault}", hint="move it away") from None


def keep_applied(root: Path, applied: AppliedUpdate) -> None:
    """Make it what the box knows. Raises StoreError."""
    path = root / _STATE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(asdict(applied) | {"at": applied.at.isoformat()}).encode())


def begin(root: Path, version: str, before: str) -> AppliedUpdate:
    """Say that `version` is about to be tried, before anything of it is installed."""
    applied = AppliedUpdate(version, before, utc_now(), "trying")
    keep_applied(root, applied)
    return applied


def end(root: Path, applied: AppliedUpdate, why: str = "") -> AppliedUpdate:
    """Say how it ended: good, or with `why` that the box fell back."""
    ended = replace(applied, outcome="fell_back" if why else "good", why=why)
    keep_applied(root, ended)
    return ended
