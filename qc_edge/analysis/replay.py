"""Put a question to a station's past: opens the log, counts, draws, writes what was wanted."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from qc_edge.analysis.replay_answer import ReplayAnswer
from qc_edge.analysis.replay_plot import rescored_picture, threshold_picture
from qc_edge.analysis.replay_question import ReplayQuestion
from qc_edge.analysis.rescore import Rescorer
from qc_edge.analysis.rescored import RescoredPart, ScoreFile, results_file
from qc_edge.analysis.threshold_impact import ThresholdImpact, against, cheapest, operating_curve
from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.domain.history import Flip, LabelledPart, Totals
from qc_edge.engine import BuildContext, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import StoreError
from qc_edge.plot.canvas import Canvas
from qc_edge.plot.save import save
from qc_edge.query.history import History
from qc_edge.query.station_history import nothing_fits, open_past
from qc_edge.settings import StationPaths, load_settings
from qc_edge.settings.paths import shipped

Progress = Callable[[int, int], Callable[[int], object]]
"""Told how many parts there are and how many have their score; gives what is told of each one done.
"""


def ask_threshold(
    paths: StationPaths, question: ReplayQuestion, *, database: bool = False
) -> ReplayAnswer:
    """What `question.threshold` does to the stored scores. Raises UsageError, StoreError,
    SettingsError.
    """
    assert question.threshold is not None  # noqa: S101
    load_settings(paths.settings)
    with open_past(paths, question.selection, database) as history:
        totals = history.totals(question.threshold)
        if not totals.inspections:
            raise nothing_fits(paths, database)
        labelled = history.labelled()
        effect = ThresholdImpact(
            question.threshold,
            totals,
            tuple(history.judged()),
            against(labelled, None),
            against(labelled, question.threshold),
            question.costs,
            tuple(history.flips(question.threshold, question.limit)) if question.limit else (),
        )
        answer = ReplayAnswer(
            paths.name,
            effect,
            cheapest=cheapest(labelled, question.costs) if question.costs else None,
        )
        if question.csv:
            history.write_flips(question.threshold, question.csv)
        if question.plot:
            picture = threshold_picture(
                paths.name, effect, history.histogram(), operating_curve(labelled)
            )
            save(picture, question.plot, answer.tables())
    return answer


def ask_model(
    paths: StationPaths, question: ReplayQuestion, progress: Progress, *, database: bool = False
) -> ReplayAnswer:
    """What `question.bundle` makes of the stored prepared inputs, at the question's threshold or
    its own.

    Raises ModelError, EngineError, UsageError, StoreError or SettingsError; what was scored stays.
    """
    assert question.bundle is not None  # noqa: S101
    settings = load_settings(paths.settings)
    bundle = load_bundle(question.bundle, [paths.models, shipped("models")])
    threshold = bundle.threshold if question.threshold is None else question.threshold
    with open_past(paths, question.selection, database) as history:
        count = history.count_stored()
        if not count:
            raise nothing_fits(paths, database)
        engine = load_engine(bundle, settings.engine, BuildContext(paths.plans))
        try:
            self_test(engine, bundle)
            said = f"{engine.info.backend} {engine.info.version} {engine.info.device}"
            file = question.results or results_file(paths.state / "replays", bundle)
            with ScoreFile(file, bundle.sha256, said) as scores:
                rescorer = Rescorer(engine, bundle, paths.state, scores)
                pairs = rescorer.run(history.stored(), progress(count, len(scores.known)))
        finally:
            engine.close()
        effect, flips = _effect(threshold, pairs, history, question)
        answer = ReplayAnswer(
            paths.name,
            effect,
            model=bundle.reference,
            scored=rescorer.scored,
            skipped=rescorer.skipped,
        )
        if question.csv:
            _write_csv(flips, question.csv)
        if question.plot:
            save(_scatter(paths.name, bundle, pairs, effect), question.plot, answer.tables())
    return answer


def _effect(
    threshold: float, pairs: Sequence[RescoredPart], history: History, question: ReplayQuestion
) -> tuple[ThresholdImpact, list[Flip]]:
    after = {pair.part.frame_id: pair.after for pair in pairs}
    labelled = [part for part in history.labelled() if part.frame_id in after]
    rescored = [replace(part, score=after[part.frame_id]) for part in labelled]
    flips = _flips(threshold, pairs, labelled)
    failed = sum(pair.part.verdict == "FAIL" for pair in pairs)
    to_fail = sum(flip.replayed == "FAIL" for flip in flips)
    totals = Totals(len(pairs), failed, 0, to_fail, len(flips) - to_fail, 0)
    newest = tuple(reversed(flips[len(flips) - question.limit :])) if question.limit else ()
    effect = ThresholdImpact(
        threshold,
        totals,
        tuple(history.judged()),
        against(labelled, None),
        against(rescored, threshold),
        question.costs,
        newest,
    )
    return effect, flips


def _flips(
    threshold: float, pairs: Sequence[RescoredPart], labelled: Sequence[LabelledPart]
) -> list[Flip]:
    labels = {part.frame_id: "defect" if part.is_defect else "good" for part in labelled}
    return [
        Flip(
            part.frame_id,
            part.part_id,
            part.recorded_at,
            part.camera,
            part.score,
            part.threshold,
            part.verdict,
            "FAIL" if pair.after >= threshold else "PASS",
            labels.get(part.frame_id),
            pair.after,
        )
        for pair in pairs
        if pair.flips(threshold)
        for part in [pair.part]
    ]


def _scatter(
    station: str, bundle: Bundle, pairs: Sequence[RescoredPart], effect: ThresholdImpact
) -> Canvas:
    before = effect.threshold_before
    return rescored_picture(
        station,
        bundle.reference,
        pairs,
        effect.threshold if before is None else before,
        effect.threshold,
    )


def _write_csv(flips: Sequence[Flip], file: Path) -> None:
    names = [field.name for field in fields(Flip)]
    try:
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerow(names)
            writer.writerows([getattr(flip, name) for name in names] for flip in flips)
    except OSError as fault:
        raise StoreError(
            f"cannot write {file}: {fault.strerror}", hint="name another file"
        ) from fault
