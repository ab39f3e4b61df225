"""Score identity: after a change of model or engine, stored inputs are scored again and must score
the same.

Compares and refuses; a person may accept what moved. Never judges a part, never changes a row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.acceptance import MovedScores, ScoreSource
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.history import StoredInput
from qc_edge.engine import Engine
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError, ModelError
from qc_edge.query.evidence import read_stored_input
from qc_edge.query.past.input_sample import last_scored_by, sample_inputs
from qc_edge.recipe.in_force import last_score_sources, score_source
from qc_edge.records import acceptances
from qc_edge.records.record_file import file_digest
from qc_edge.settings import StationPaths
from qc_edge.store.log.ledger import Ledger

SAMPLE = 64
"""Stored inputs that are scored again."""

BOUND_S = 20.0
"""After this time no further stored input is scored: the start of a line cannot wait longer."""

_ANSWER_S = 20.0
_SLICE_S = 0.2

_Pairs = list[tuple[StoredInput, float]]

_SHOWN = 10


class ScoreIdentity:
    """Compares the scores of an engine with those in the log.

    Used by the workers that load engines, for models and for recipes.
    """

    def __init__(self, ledger: Ledger, paths: StationPaths, events: EventLog) -> None:
        self._ledger = ledger
        self._paths = paths
        self._events = events
        self._proven: set[ScoreSource] = set()

    def check(self, engine_thread: EngineThread, alive: Callable[[], None]) -> None:
        """Hold the engine in `engine_thread` against what its model said of stored inputs, if
        anything has changed.

        `alive` is called after each. Raises ModelError with a table if a score moved by more than
        the bundle's tolerance and nobody has accepted that, EngineError if the model fails or does
        not answer.
        """
        bundle, sources = engine_thread.bundle, last_score_sources(self._ledger)
        after = score_source(bundle, engine_thread.ready.result())
        if not sources or after in sources:
            self._proven.add(after)
            return
        same = [source for source in sources if source.model == after.model]
        self._compare(engine_thread, (same or sources)[0], after, alive)
        self._proven.add(after)

    def check_recipe(self, engine_thread: EngineThread, alive: Callable[[], None]) -> None:
        """As `check`, for a model that comes and goes with recipes: held against the engine that
        scored its own newest row, whatever judges now.
        """
        bundle = engine_thread.bundle
        after = score_source(bundle, engine_thread.ready.result())
        if after in self._proven:
            return  # it judges already, or did
        before = last_scored_by(self._ledger, bundle.reference)
        if before is not None and before != after:
            self._compare(engine_thread, before, after, alive)
        self._proven.add(after)

    def _compare(
        self,
        engine_thread: EngineThread,
        before: ScoreSource,
        after: ScoreSource,
        alive: Callable[[], None],
    ) -> None:
        bundle = engine_thread.bundle
        parts = sample_inputs(self._ledger, bundle.reference, SAMPLE)
        scoring = engine_thread.run(lambda engine: self._rescored(engine, bundle, parts, alive))
        pairs = _await_scores(scoring, bundle.reference, alive)
        moved = [pair for pair in pairs if not abs(pair[1] - pair[0].score) <= bundle.tolerance]
        summary = _summary(bundle, pairs, moved, len(parts))
        if not moved:
            acceptances.forget_moved(self._paths.scores_moved)
            self._events.report(
                Occurrence(EventKind.SCORES_COMPARED, summary, before.engine, after.engine)
            )
            return
        for record in acceptances.load_all(self._paths.acceptances):
            if record.covers(before, after):
                file = self._paths.acceptances / f"{record.record_id}.toml"
                accepted = Occurrence(
                    EventKind.SCORES_ACCEPTED,
                    f"{summary}; accepted by {record.made_by}: {record.reason}",
                    before.engine,
                    after.engine,
                    record.made_by,
                    record.reason,
                    f"{file.parent.name}/{file.name}",
                    file_digest(file) or None,
                )
                self._events.record([accepted])
                acceptances.forget_moved(self._paths.scores_moved)
                return
        finding = MovedScores(
            bundle.reference, before, after, summary, tuple(map(_row, _worst(moved)))
        )
        acceptances.keep_moved(self._paths.scores_moved, finding)
        self._events.report(
            Occurrence(EventKind.SCORES_MOVED, summary, before.engine, after.engine)
        )
        raise ModelError(
            f"{summary}\n  before: {before.engine}\n  now:    {after.engine}\n"
            f"{format_moved_scores(finding)}",
            hint="go back to what judged before; or, if these scores are right, accept them: "
            f"qc-edge model accept {self._paths.name} --by WHO --reason TEXT, then start the "
            "station again, or change over again",
        )

    def _rescored(
        self,
        engine: Engine,
        bundle: Bundle,
        parts: Sequence[StoredInput],
        alive: Callable[[], None],
    ) -> _Pairs:
        """Each part whose input is still there with its score now; NaN is a score that moved."""
        pairs, end = [], time.monotonic() + BOUND_S
        for part in parts:
            prepared = read_stored_input(self._paths.state, part, bundle)
            if not isinstance(prepared, str):
                pairs.append((part, engine.infer(prepared[None])[0].value))
            alive()
            if time.monotonic() > end:
                break
        return pairs


def _await_scores(scoring: Future[_Pairs], reference: str, alive: Callable[[], None]) -> _Pairs:
    """The scores. Raises EngineError if the engine hangs: whoever waits must not hang as well."""
    end = time.monotonic() + BOUND_S + _ANSWER_S
    while wait([scoring], _SLICE_S).not_done:
        alive()
        if time.monotonic() > end:
            raise EngineError(
                f"{reference} gave no answer for {_ANSWER_S:g} s while it scored stored inputs "
                "again",
                hint="it passed its golden frames and hangs on others: look at the engine and its "
                "driver",
            )
    return scoring.result()


def format_moved_scores(moved: MovedScores) -> str:
    """A table of the scores that moved most, one line a part."""
    head = f"  {'part':16} {'frame':32} {'before':>9} {'now':>9}  verdict"
    lines = [
        f"  {part:16.16} {frame:32} {before:9.5f} {now:9.5f}  "
        f"{was}{f' -> {then}' if was != then else ''}"
        for part, frame, before, now, was, then in moved.rows
    ]
    return "\n".join([head, *lines])


def _summary(
    bundle: Bundle,
    pairs: Sequence[tuple[StoredInput, float]],
    moved: Sequence[tuple[StoredInput, float]],
    requested: int,
) -> str:
    if not pairs:
        return (
            f"{bundle.reference}: no stored input to score again, the golden frames alone "
            "speak for it"
        )
    farthest = max(_distance(pair) for pair in pairs)
    turned = sum(part.verdict != _verdict(part, now) for part, now in pairs)
    verdicts = "1 verdict" if turned == 1 else f"{turned} verdicts"
    words = (
        f"{bundle.reference}: {len(moved)} of {len(pairs)} stored inputs moved by more than "
        f"{bundle.tolerance:g} (at most {farthest:.5f}); {verdicts} would turn"
    )
    return (
        words
        if len(pairs) == requested
        else f"{words}; {requested - len(pairs)} more could not be compared"
    )


def _worst(moved: Sequence[tuple[StoredInput, float]]) -> list[tuple[StoredInput, float]]:
    return sorted(moved, key=lambda pair: (pair[0].verdict == _verdict(*pair), -_distance(pair)))[
        :_SHOWN
    ]


def _row(pair: tuple[StoredInput, float]) -> tuple[str, str, float, float, str, str]:
    part, now = pair
    return part.part_id, part.frame_id, part.score, now, part.verdict, _verdict(part, now)


def _verdict(part: StoredInput, score: float) -> str:
    if not 0.0 <= score <= 1.0:
        return "INVALID"
    return "FAIL" if score >= part.threshold else "PASS"


def _distance(pair: tuple[StoredInput, float]) -> float:
    by = abs(pair[1] - pair[0].score)
    return by if math.isfinite(by) else math.inf
