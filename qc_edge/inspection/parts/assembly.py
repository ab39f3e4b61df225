"""The parts of a running station: its frames find their part, and closed parts become rows.

Between the inspector, which it hands part ids and rows, and the assembler, which decides what is of
one part. A station without [[view]] has nothing of this: there each frame is a part.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from qc_edge.domain.frame import ExposureSource, FrameId
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.line_identity import LineIdentitySource
from qc_edge.domain.parts.rules import SeenView
from qc_edge.domain.verdict import HoldReason
from qc_edge.errors import RecipeError
from qc_edge.inspection.frames import PreparedFrame, ScoredFrame
from qc_edge.inspection.parts.assembler import PartAssembler
from qc_edge.inspection.parts.line_identity import take_line_identity
from qc_edge.inspection.parts.open_part import JudgedFrame, OpenPart, Sighting
from qc_edge.inspection.parts.part_numbers import COUNTER, PartNumbers, is_counted
from qc_edge.inspection.parts.part_row import DecidedPart, decide
from qc_edge.inspection.parts.recovery import half_seen_parts
from qc_edge.recipe.changeover.part_rules import RulesOfPart, rules_of_part
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.store.log import part_lookups
from qc_edge.store.log.ledger import Ledger

OF_ANOTHER_VIEW = "view"
"""Where a frame's part id comes from if another view of the same part brought it."""

_REMEMBERED = 50_000
"""Ids of parts that count as a new attempt when they come again: an hour at 14 parts a second."""


class Assembly:
    """Places frames, closes parts; used by the inspector's thread.

    What happens counts once `commit` is called; after `discard` and a hold, `recover` reads from
    the log what is half seen.
    """

    def __init__(
        self,
        paths: StationPaths,
        ledger: Ledger,
        rulebook: RuleBook,
        numbers: PartNumbers,
        boot: str,
        line: LineIdentitySource | None = None,
    ) -> None:
        """Go on with the parts that a crash has left half seen. `line` gives part ids, where the
        settings say so.
        """
        self._line = line
        self._paths = paths
        self._ledger = ledger
        self._rulebook = rulebook
        self._numbers = numbers
        self._boot = boot
        self._assembler = PartAssembler()
        self._attempts = OrderedDict(
            ledger.ask(partial(part_lookups.recent_attempts, most=_REMEMBERED))
        )
        self._decided: list[DecidedPart] = []
        self.recovered: frozenset[FrameId] = frozenset()
        self.recover()

    def __bool__(self) -> bool:
        """True while a part waits for a view."""
        return bool(self._assembler)

    def wait_s(self, most: float) -> float:
        """So long the inspector may wait for a frame until a part has waited long enough (s)."""
        due_ns = self._assembler.next_due_ns()
        if due_ns is None:
            return most
        return min(most, max(0.0, (due_ns - time.monotonic_ns()) / 1e9))

    def place(self, prepared: PreparedFrame) -> ScoredFrame:
        """The frame with its part's id; of a declared view, with the part that it is a view of."""
        if self._line is not None:
            take_line_identity(prepared, self._line, self._boot)
        if not prepared.view.declared:
            return ScoredFrame(prepared, *self._numbers.assign(prepared))
        frame, rules, exposed = prepared.frame, prepared.rules, prepared.exposed
        brought = frame.part_id if prepared.part_source else None
        sighting = Sighting(
            frame_id=frame.frame_id,
            view=prepared.view.name,
            exposed_ns=exposed.at_ns,
            is_dated=exposed.hold is None and exposed.source is not ExposureSource.UNKNOWN,
            part_id=brought,
            number=frame.camera_frame_number,
            is_backlog=prepared.file.recovered or prepared.age_ms() > prepared.deadline_ms,
            recipe=rules.recipe,
        )
        is_shared = rules.part.by_trigger
        given: list[tuple[str, str]] = []

        def count() -> str:
            given.append(self._numbers.assign(prepared, is_shared=is_shared))
            return given[0][0]

        place = self._assembler.place(sighting, rules.part, rules.expected_views, count)
        if place.is_late:
            prepared.holds.append(HoldReason.LATE_VIEW)
            prepared.notes.append("the line was told of its part before it came")
        if brought is not None and prepared.part_source is not None:
            part_id, source = brought, prepared.part_source
        elif given:
            part_id, source = given[0]
        else:
            part_id = place.part_id
            source = COUNTER if place.is_counted else OF_ANOTHER_VIEW
            if place.is_counted:
                self._numbers.joined(prepared, part_id)
        return ScoredFrame(prepared, part_id, source, attempt_id=place.attempt_id)

    def close(
        self,
        scored: Sequence[tuple[ScoredFrame, Inspection]],
        now: datetime,
        *,
        backlog_is_over: bool,
    ) -> list[DecidedPart]:
        """The parts that are closed now, with what these frames say, decided and with their rows.

        `now` is of the wall clock (UTC).
        """
        for frame, inspection in scored:
            if frame.attempt_id is not None and HoldReason.LATE_VIEW not in frame.prepared.holds:
                judged = _judged(frame, inspection)
                self._assembler.add(frame.attempt_id, inspection.frame_id, judged)
        if not self._assembler:
            return []
        now_ns = time.monotonic_ns()
        closed = self._assembler.close(now_ns, backlog_is_over=backlog_is_over)
        return self._decide(closed, now, now_ns)

    def close_all(self, now: datetime) -> list[DecidedPart]:
        """The station stops: every part that waits for a view is told without it."""
        return self._decide(self._assembler.close_all(), now, time.monotonic_ns())

    def commit(self) -> None:
        """The rows of all that was closed are durable."""
        self._assembler.commit()
        for decided in self._decided:
            if not is_counted(decided.row.part_source):
                self._attempts[decided.row.part_id] = decided.row.attempt
                self._attempts.move_to_end(decided.row.part_id)
        while len(self._attempts) > _REMEMBERED:
            self._attempts.popitem(last=False)
        self._decided = []

    def discard(self) -> None:
        """The disk has refused: what was placed and closed since `commit` comes again."""
        self._assembler.discard()
        self._decided = []

    def recover(self) -> None:
        """Take up what the log has of parts that were never told: after a crash, or a hold in which
        rows may have become durable that were thought refused.
        """
        frames = self._ledger.ask(part_lookups.half_seen_frames)
        rules_of = {recipe: self._rules_of(recipe) for recipe in {each.recipe for each in frames}}
        parts = half_seen_parts(frames, rules_of, self._boot)
        self._assembler.restore(parts)
        self.recovered = frozenset(
            member.sighting.frame_id for part in parts for member in part.members
        )

    def _rules_of(self, recipe: str | None) -> RulesOfPart:
        """Those of a recipe, also of one that is in force no more."""
        rules = self._rulebook.rules
        if recipe == rules.recipe:
            return rules.part, rules.expected_views
        try:
            return rules_of_part(self._paths, self._rulebook.settings, recipe)
        except RecipeError as fault:
            # Its parts are held in any case: they were interrupted.
            LOG.error("parts of %s are closed by the rules of now: %s", recipe, fault.message)
            return rules.part, rules.expected_views

    def _decide(self, closed: Iterable[OpenPart], now: datetime, now_ns: int) -> list[DecidedPart]:
        station = self._rulebook.rules.settings.station.name
        for part in closed:
            attempt = self._attempts.get(part.part_id, 0) + 1
            earlier = [each.row for each in self._decided if each.row.part_id == part.part_id]
            attempt = max([attempt, *(row.attempt + 1 for row in earlier)])
            self._decided.append(decide(part, now, now_ns, station, attempt))
        return list(self._decided)


def _judged(scored: ScoredFrame, inspection: Inspection) -> JudgedFrame:
    prepared = scored.prepared
    exposed = prepared.exposed
    seen = SeenView(
        prepared.view.name,
        inspection.verdict,
        str(inspection.reason),
        inspection.hold_reason,
        inspection.score,
    )
    is_known = exposed.source is not ExposureSource.UNKNOWN and exposed.has_deadline
    return JudgedFrame(
        seen,
        inspection.captured_at,
        inspection.lot,
        inspection.part_source,
        prepared.deadline_ms,
        is_age_known=is_known,
        inspection=inspection,
    )
