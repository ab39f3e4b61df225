"""How a station's challenge stands, for status, page and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from qc_edge.challenge.register import RegisteredPart
from qc_edge.challenge.run import ChallengeRun


@dataclass(frozen=True, slots=True)
class SetPart:
    """One part of the set: `state` is waiting, caught, missed or refused (`detail` says why)."""

    serial: str
    part_id: str
    expected: str
    state: str
    detail: str
    score: float | None
    valid_until: str
    uses: int
    max_uses: int | None


@dataclass(frozen=True, slots=True)
class ChallengeState:
    """`due` says why a challenge is due, empty if none is; `running`: the parts may be shown now.
    `trouble` are the words that keep the station from being ready. `last` says how the last one
    ended, `last_passed` when (ISO 8601, UTC) the last one passed.
    """

    due: str
    running: bool
    trouble: str
    recipe: str
    parts: tuple[SetPart, ...]
    last: str
    last_passed: str | None


def parts_of(
    entries: Iterable[RegisteredPart], run: ChallengeRun | None, now: datetime
) -> tuple[SetPart, ...]:
    """The set as it stands in `run`."""
    return tuple(_part(each, run, now) for each in entries)


def trouble_of(due: str, run: ChallengeRun | None, parts: tuple[SetPart, ...], name: str) -> str:
    """Why nothing is accepted, in words that say what to do; empty if it is not for a challenge."""
    if not due and run is None:
        return ""
    why = due or f"begun by {run.who}" if run else due
    if not parts:
        words = f"no part is registered: qc-edge challenge {name} register"
        return f"challenge: {why}; {words}"
    missed = [each.detail for each in parts if each.state == "missed"]
    refused = [f"{each.serial}: {each.detail}" for each in parts if each.state == "refused"]
    waiting = [each.serial for each in parts if each.state == "waiting"]
    said = []
    if missed and run is not None:
        said.append(f"MISSED: {'; '.join(missed)}")
    if refused:
        said.append(f"{', '.join(refused)}: register it anew or retire it")
    if run is None:
        said.append(f"find out why, then: qc-edge challenge {name} run")
    elif waiting:
        said.append(f"show {', '.join(waiting)}")
    return "; ".join([f"challenge: {why}", *said])


def _part(part: RegisteredPart, run: ChallengeRun | None, now: datetime) -> SetPart:
    shown = run.counted.get(part.serial) if run else None
    state, detail, score = "waiting", "", None
    if shown is not None:
        state, detail, score = str(shown.outcome), shown.detail, shown.score
    elif fault := part.fault(now):
        state, detail = "refused", fault
    return SetPart(
        serial=part.serial,
        part_id=part.part_id,
        expected=part.says,
        state=state,
        detail=detail,
        score=score,
        valid_until=f"{part.valid_until:%Y-%m-%d}",
        uses=part.uses,
        max_uses=part.max_uses,
    )
