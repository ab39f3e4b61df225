"""`python -m tests.bench.week`: the week with its faults and the quiet weeks; JSON, page, drawing.

A fault begins at a known hour. People act as people would: on an alarm of a chart two hours later,
on a failed challenge, which holds the line, after half an hour. What is asked of suspect parts is
asked when the fault was noticed, and again after it has been mended.
"""

from __future__ import annotations

import csv
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from qc_edge.discipline.suspect import quarantine as suspects
from qc_edge.discipline.suspect.quarantine import SuspectAsk, quarantine
from qc_edge.discipline.suspect.window import SuspectCause
from qc_edge.domain.events import Event
from qc_edge.errors import UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.settings.discipline.challenge import ChallengeSettings
from tests.bench.week.line import MONDAY, TICK, VirtualLine
from tests.bench.week.result import week_drawing, week_page

_ALARMS = {
    "camera_drift": "control chart",
    "process_drift": "control chart",
    "scores_drift": "control chart",
    "held_drift": "control chart",
    "challenge_missed": "challenge",
    "challenge_failed": "challenge",
    "threshold": "event",
}


def hours(moment: datetime) -> float:
    """Since Monday 06:00."""
    return round((moment - MONDAY) / timedelta(hours=1), 2)


@dataclass(slots=True)
class Fault:
    """`begins` and the rest are hours since Monday 06:00; `act` makes it, `mend` ends it."""

    name: str
    begins: float
    act: Callable[[VirtualLine], None]
    mend: Callable[[VirtualLine], None]
    signs: tuple[str, ...]
    cause: SuspectCause | None
    noticed: list[dict[str, object]] = field(default_factory=list)
    mended: float | None = None
    suspect: list[dict[str, object]] = field(default_factory=list)
    due: float | None = None


def _lens(line: VirtualLine) -> None:
    line.physics.drift_per_hour = 0.005


def _refocus(line: VirtualLine) -> None:
    line.physics.drift_per_hour, line.physics.focus = 0.0, 1.0
    line.put_in_force(calibration="top-2", why="the lens had slipped")


def _wear(line: VirtualLine) -> None:
    line.physics.wear_per_hour = 0.008


def _replace_part(line: VirtualLine) -> None:
    line.register("R2", "FAIL", retired=True)
    line.register("R3", "FAIL")
    line.request("run")


def _slip(line: VirtualLine) -> None:
    line.put_in_force(threshold=0.8, why="too many rejects")


def _set_back(line: VirtualLine) -> None:
    line.put_in_force(threshold=0.5, why="0.8 was a mistake")
    line.request("run")


def _worse(line: VirtualLine) -> None:
    line.physics.defects = 0.015


def _better(line: VirtualLine) -> None:
    line.physics.defects = 0.005


def faults() -> list[Fault]:
    """The faults of the week."""
    challenge = ("challenge_missed", "challenge_failed")
    return [
        Fault("drifting lens", 4, _lens, _refocus, ("camera_drift", *challenge), SuspectCause.LENS),
        Fault("worn challenge part", 44, _wear, _replace_part, challenge, SuspectCause.CHALLENGE),
        Fault(
            "slipped threshold",
            75.5,
            _slip,
            _set_back,
            ("threshold", *challenge),
            SuspectCause.THRESHOLD,
        ),
        Fault("more defects", 105, _worse, _better, ("process_drift",), None),
    ]


def run(
    name: str, schedule: ChallengeSettings, which: list[Fault], rhythm: float = 0.0
) -> dict[str, object]:
    """One week, after two days of which the charts take their reference."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="week-") as directory:
        line = VirtualLine(Path(directory), MONDAY - timedelta(hours=48), schedule, 20261128)
        line.physics.rhythm = rhythm
        for serial, expected in (("R1", "FAIL"), ("R2", "FAIL"), ("G1", "PASS")):
            line.register(serial, expected)
        seen = line.now
        while line.now < MONDAY + timedelta(hours=168):
            _faults_act(line, which)
            line.tick()
            news = line.told_since(seen)
            seen = line.now
            _people_act(line, which, news, Path(directory))
        alarms = [each for each in line.told_since(MONDAY) if each.kind in _ALARMS]
        result = _result(line, name, which, alarms)
        line.close()
    result["simulated_in_s"] = round(time.perf_counter() - begun)
    return result


def _faults_act(line: VirtualLine, which: list[Fault]) -> None:
    at = hours(line.now)
    for fault in which:
        if fault.begins <= at < fault.begins + TICK / timedelta(hours=1) - 1e-6:
            fault.act(line)


def _people_act(line: VirtualLine, which: list[Fault], news: list[Event], directory: Path) -> None:
    at = hours(line.now)
    standing = [each for each in which if each.begins < at and each.mended is None]
    for fault in standing:
        for event in news:
            if event.kind in fault.signs and not any(
                each["event"] == event.kind for each in fault.noticed
            ):
                fault.noticed.append(
                    {
                        "event": event.kind,
                        "rule": _ALARMS[event.kind],
                        "hour": hours(event.recorded_at),
                        "after_h": round(hours(event.recorded_at) - fault.begins, 2),
                        "words": event.detail,
                    }
                )
                # The event of a threshold that slipped is right: nobody looks up.
                if event.kind != "threshold":
                    wait = 2.0 if _ALARMS[event.kind] == "control chart" else 0.5
                    due = at + wait
                    fault.due = due if fault.due is None else min(fault.due, due)
        if fault.due is not None and at >= fault.due:
            line.publisher.publish()
            _ask(line, fault, directory, "before it was mended")
            fault.mend(line)
            fault.mended = at
            line.tick()
            line.publisher.publish()
            _ask(line, fault, directory, "after it was mended")


def _ask(line: VirtualLine, fault: Fault, directory: Path, when: str) -> None:
    if fault.cause is None:
        return
    by = Attribution("anna", fault.name)
    target = directory / f"suspect-{len(list(directory.glob('suspect-*')))}"
    try:
        found = quarantine(line.paths, SuspectAsk(by, fault.cause, holds=False), target)
    except UsageError as refused:
        fault.suspect.append({"asked": when, "refused": f"{refused.message}"})
        return
    with found.csv.open() as file:
        listed = {row["part_id"] for row in csv.DictReader(file)}
    begins = MONDAY + timedelta(hours=fault.begins)
    escaped = [
        each.part_id
        for each in line.made
        if each.is_bad and each.told == "ACCEPT" and each.at >= begins
    ]
    fault.suspect.append(
        {
            "asked": when,
            "since": hours(found.window.since),
            "until": hours(found.window.until),
            "why": found.window.words,
            "parts": found.figures.parts,
            "told": found.figures.told,
            "bad_accepted_since_it_began": len(escaped),
            "of_them_listed": len(listed.intersection(escaped)),
        }
    )


def _result(
    line: VirtualLine, name: str, which: list[Fault], alarms: list[Event]
) -> dict[str, object]:
    causes = [each for each in alarms if _ALARMS[each.kind] == "control chart"]
    false = [
        {"hour": hours(each.recorded_at), "event": each.kind, "words": each.detail}
        for each in causes
        if not any(
            each.kind in fault.signs
            and fault.begins <= hours(each.recorded_at) <= (fault.mended or 168) + 9
            for fault in which
        )
    ]
    week = [each for each in line.made if each.at >= MONDAY]
    return {
        "week": name,
        "parts": len(week),
        "held_for_challenges": sum(each.told == "HOLD" for each in week),
        "bad_parts": sum(each.is_bad for each in week),
        "bad_accepted": sum(each.is_bad and each.told == "ACCEPT" for each in week),
        "faults": [
            {
                **{key: value for key, value in asdict(fault).items() if key in _SHOWN},
                "bad_accepted": sum(
                    each.is_bad
                    and each.told == "ACCEPT"
                    and fault.begins <= hours(each.at) <= (fault.mended or 168)
                    for each in week
                ),
            }
            for fault in which
        ],
        "false_alarms": false,
        "alarms": [
            {"hour": hours(each.recorded_at), "event": each.kind, "words": each.detail}
            for each in alarms
        ],
    }


_SHOWN = {"name", "begins", "noticed", "mended", "suspect"}


def _no_pdf(_page: str) -> bytes:
    """The list is what counts here; a PDF takes seconds."""
    raise UsageError("no PDF in a simulated week")


def main() -> None:
    """Simulate the weeks that are named by number, all if none is, and write what is known of all
    as week-DATE.json, .md and .svg into the directory.
    """
    logging.disable(logging.CRITICAL)
    suspects.render_pdf = _no_pdf  # type: ignore[attr-defined,assignment]
    target, day = Path(sys.argv[1]), sys.argv[2]
    shifts = ChallengeSettings(at_shift_start=True)
    strict = ChallengeSettings(at_shift_start=True, at_change=True)
    weeks: list[Callable[[], dict[str, object]]] = [
        lambda: run("faults, a challenge at each shift and change", strict, faults()),
        lambda: run("slipped threshold, a challenge at each shift only", shifts, [faults()[2]]),
        lambda: run("quiet", strict, []),
        lambda: run("quiet, with a day's rhythm of light", strict, [], rhythm=0.02),
    ]
    path = target / f"week-{day}.json"
    made = {number: weeks[number]() for number in map(int, sys.argv[3:] or range(len(weeks)))}
    known: list[Any] = (
        json.loads(path.read_text())["weeks"] if path.exists() else [None] * len(weeks)
    )
    known = [made.get(number, week) for number, week in enumerate(known)]
    result = {"how": "python -m tests.bench.week DIRECTORY DATE", "weeks": known}
    path.write_text(json.dumps(result, indent=1) + "\n")
    found = [each for each in known if each]
    (target / f"week-{day}.svg").write_text(week_drawing(found[0]).svg())
    (target / f"week-{day}.md").write_text(week_page(found, f"week-{day}.svg"))


if __name__ == "__main__":
    main()
