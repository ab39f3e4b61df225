"""A line in virtual time: invented parts, and the product's own gate of challenges, challenges,
schedule, control charts, event log, ledger and publisher around them.
"""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from math import cos, pi
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from qc_edge.challenge import drop
from qc_edge.challenge.challenges import Challenges, ChallengeStores
from qc_edge.challenge.gate import ChallengeGate
from qc_edge.challenge.request import ChallengeRequest, PartEntry
from qc_edge.challenge.taking_up import ChallengeTaker
from qc_edge.domain.events import Event, EventKind, Occurrence
from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.label import PersonRole
from qc_edge.domain.parts.told import told_alone
from qc_edge.domain.shifts import Shift
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.domain.verdict import Reason, Threshold, decide, invalid
from qc_edge.publish.publisher import Publisher
from qc_edge.settings import IncomingSettings, StationPaths
from qc_edge.settings.discipline.challenge import ChallengeSettings
from qc_edge.settings.discipline.spc import SpcSettings
from qc_edge.station.discipline.control_watch import ControlWatch
from qc_edge.store.durable import Disk
from qc_edge.store.log.event_log import StationEventLog
from qc_edge.store.log.ledger import Ledger
from tests.publish.rows import inspection

MONDAY = datetime(2026, 11, 16, 6, tzinfo=timezone.utc)
TICK = timedelta(minutes=10)
PER_TICK = 60
LOWEST_FOCUS = 60.0
FOCUS, FOCUS_NOISE, WANDER = 96.0, 2.0, 0.3
SHARP_SCORE = 3.0
"""A defect's score goes with this power of the focus."""


@dataclass(slots=True)
class Physics:
    """What the world does: changed by faults and by people. `worn` are scores that challenge parts
    have lost; `rhythm` is how far a day moves the light (share).
    """

    focus: float = 1.0
    drift_per_hour: float = 0.0
    defects: float = 0.005
    worn: float = 0.0
    wear_per_hour: float = 0.0
    rhythm: float = 0.0


@dataclass(frozen=True, slots=True)
class MadePart:
    """What a part was in truth, and what the line was told."""

    part_id: str
    at: datetime
    is_bad: bool
    told: str


class VirtualClock:
    """The time of all modules of the product, and the ids by it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._number = 0

    def utc_now(self) -> datetime:
        return self.now

    def install(self) -> None:
        for name, module in list(sys.modules.items()):
            if name.startswith("qc_edge.") and hasattr(module, "utc_now"):
                module.utc_now = self.utc_now  # type: ignore[attr-defined]

    def stamp(self, source: str) -> SimpleNamespace:
        self._number += 1
        micros = int(self.now.timestamp() * 1e6) + self._number % 1_000_000
        return SimpleNamespace(frame_id=frame_id(micros, source))


class VirtualLine:
    """One station of one camera, `top`; no recipe. Two challenge parts: R1 is plain, R2 is near the
    threshold; G1 is good.
    """

    def __init__(self, root: Path, begins: datetime, schedule: ChallengeSettings, seed: int):
        self.clock = VirtualClock(begins)
        self.clock.install()
        self.random = np.random.default_rng(seed)
        self.physics = Physics()
        self.made: list[MadePart] = []
        self.paths = StationPaths(root, "line1")
        for directory in self.paths.directories():
            directory.mkdir(parents=True, exist_ok=True)
        disk = Disk()
        self.ledger = Ledger(self.paths.database, self.paths.journal, self.paths.set_aside, disk)
        self.events = StationEventLog(
            "line1", cast("Any", self.clock), cast("Any", None), self.ledger
        )
        self.publisher = Publisher(self.ledger, self.paths.published, disk, "line1", self.events)
        shifts = tuple(
            Shift(name, hour * 60, None, tuple(range(7)))
            for name, hour in (("early", 6), ("late", 14), ("night", 22))
        )
        self.settings = SimpleNamespace(
            challenge=schedule,
            spc=SpcSettings(),
            station=SimpleNamespace(calendar=StationCalendar(shifts=shifts)),
            incoming=IncomingSettings(),
            camera=[SimpleNamespace(name="top", holds_repeated_frames=True)],
        )
        self.rules = self._rules(0.5, "bundle:0.5", "top-1")
        gate = self.gate = ChallengeGate()
        stores = ChallengeStores(
            self.paths, self.ledger, self.events, cast("Any", self.clock), lambda: self.rules
        )
        self.challenges = Challenges(stores, gate)
        self.taker = ChallengeTaker(self.challenges)
        self.control = ControlWatch(self.paths, lambda: self.settings.spc, self.events)
        self._template = inspection(begins)
        self.publisher.compare(begins)
        self._numbers = 0
        self._pictures = 0

    @property
    def now(self) -> datetime:
        return self.clock.now

    def _rules(self, threshold: float, threshold_id: str, calibration: str) -> Any:
        view = SimpleNamespace(
            name="top",
            bundle=SimpleNamespace(reference="corner@1", sha256="m" * 64),
            engine=SimpleNamespace(backend="scripted", version="1", plan_sha256=None),
            threshold=Threshold(threshold, 0.1, threshold_id),
            calibration=SimpleNamespace(calibration_id=calibration),
        )
        return SimpleNamespace(
            settings=self.settings,
            recipe=None,
            recipe_in_force=None,
            views={"top": view},
            earlier=(),
        )

    def put_in_force(
        self, *, threshold: float | None = None, calibration: str | None = None, why: str
    ) -> None:
        """A person changes what judges: the event, then the rules, as the station does it."""
        view = self.rules.views["top"]
        value = threshold if threshold is not None else view.threshold.value
        before = view.threshold.threshold_id
        after = f"{self.now:%Y%m%dT%H%M%S}Z:{value:g}" if threshold is not None else before
        if threshold is not None:
            words = f"{before} -> {after} for corner@1"
            kind, old, new = EventKind.THRESHOLD, before, after
        else:
            old, new = view.calibration.calibration_id, calibration
            kind, words = EventKind.CALIBRATION, f"top: {new} by anna"
        self.events.record([Occurrence(kind, words, old, new, "anna", why)])
        self.rules = self._rules(value, after, calibration or view.calibration.calibration_id)

    def register(self, serial: str, expected: str, *, retired: bool = False) -> None:
        until = MONDAY + timedelta(days=300)
        entry = PartEntry(
            "",
            serial,
            cast("Any", expected),
            None,
            f"CH-{serial}",
            None,
            None,
            "carla",
            until,
            None,
            0,
            retired,
        )
        self.request("register", entry=entry, why="simulated")

    def request(self, kind: str, **values: Any) -> None:
        request = ChallengeRequest(
            cast("Any", kind), "carla", self.now, uuid.uuid4().hex, PersonRole.QUALITY, **values
        )
        drop.put(self.paths, request)
        self.taker.look()

    def tick(self) -> None:
        """Ten minutes of parts; a challenge that runs is shown after two of them."""
        end, physics = self.now + TICK, self.physics
        hours = TICK / timedelta(hours=1)
        physics.focus *= 1 - physics.drift_per_hour * hours
        physics.worn += physics.wear_per_hour * hours
        self.taker.look()
        level = self.random.normal(0.0, WANDER)
        rows: list[Inspection] = []
        shown_at = self.now + timedelta(minutes=2)
        for moment in [self.now + n * TICK / PER_TICK for n in range(PER_TICK)]:
            self.clock.now = moment
            if moment >= shown_at and self.challenges.run is not None and shown_at is not end:
                shown_at = end
                self._commit(rows)
                self._show_set()
            rows.append(self._part(level))
        self._commit(rows)
        self.clock.now = end
        self.taker.look()
        if end.minute % 30 == 0:
            self.publisher.publish()
            self.control.look(self.settings.spc, end)
            self.publisher.publish()

    def _commit(self, rows: list[Inspection]) -> None:
        if rows:
            self.ledger.commit(rows, self.now)
        rows.clear()

    def _part(self, level: float) -> Inspection:
        self._numbers += 1
        is_bad = bool(self.random.random() < self.physics.defects)
        score = self.random.normal(0.80, 0.07) if is_bad else abs(self.random.normal(0.09, 0.03))
        row = self._judged(f"P{self._numbers:07d}", float(score), is_bad, level)
        self.made.append(MadePart(row.part_id, self.now, is_bad, str(row.disposition)))
        return row

    def _judged(self, part_id: str, score: float, is_bad: bool, level: float) -> Inspection:
        physics, view = self.physics, self.rules.views["top"]
        hour = (self.now - MONDAY) / timedelta(hours=1)
        day = physics.rhythm * cos(2 * pi * hour / 24)
        share = physics.focus * (1 + day / 3)
        focus = FOCUS * share + self.random.normal(0.0, FOCUS_NOISE) + level
        if is_bad:
            score *= share**SHARP_SCORE
        score = min(max(score, 0.0), 1.0)
        frame = self._frame()
        hold = self.gate.hold_of(frame, part_id, self.rules, self.now, ())
        decision = (
            invalid(Reason.LOW_FOCUS, f"focus {focus:.0f} below {LOWEST_FOCUS:g}")
            if focus < LOWEST_FOCUS
            else decide(score, view.threshold, [hold] if hold else [])
        )
        self._pictures += 1
        return replace(
            self._template,
            frame_id=frame,
            part_id=part_id,
            recorded_at=self.now,
            captured_at=self.now - timedelta(milliseconds=40),
            verdict=decision.verdict,
            disposition=decision.disposition,
            reason=decision.reason,
            detail=decision.detail,
            hold_reason=decision.hold_reason,
            score=score,
            threshold=view.threshold.value,
            threshold_id=view.threshold.threshold_id,
            calibration_id=view.calibration.calibration_id,
            predicted_class="scratch" if decision.verdict.value == "FAIL" else None,
            raw_sha256=f"{self._pictures:064x}",
            focus=focus,
            brightness=float(self.random.normal(120.0 * (1 + day), 2.0)),
            contrast=float(self.random.normal(30.0, 1.0)),
        )

    def _frame(self) -> FrameId:
        return FrameId(self.clock.stamp("top").frame_id)

    def _show_set(self) -> None:
        """A person lays the parts of the set in front of the camera, one after the other."""
        scores = {"R1": 0.85, "R2": 0.66 - self.physics.worn, "R3": 0.66, "G1": 0.08}
        for part in self.challenges.register.set_of(""):
            self.clock.now += timedelta(seconds=1)
            score = scores[part.serial] + self.random.normal(0.0, 0.01)
            row = self._judged(part.part_id, float(score), part.expected == "FAIL", 0.0)
            self.ledger.commit([row], self.now)
            self.gate.announce(told_alone(row))
        self.taker.look()

    def told_since(self, since: datetime) -> list[Event]:
        """The events from then on, oldest first."""
        names = "recorded_at, kind, who, detail, before, after"
        with self.ledger.snapshot() as log:
            rows = log.execute(
                f"SELECT {names} FROM events WHERE recorded_at >= ? ORDER BY chain_seq",
                [since.replace(tzinfo=None)],
            ).fetchall()
        return [
            Event(FrameId(""), at.replace(tzinfo=timezone.utc), "line1", *rest)
            for at, *rest in rows
        ]

    def close(self) -> None:
        self.ledger.close()
