"""Replay a station's past with another threshold or another model.

Opens the log, counts, draws and writes the requested files; the station itself stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from qc_edge.analysis.label_outcome import label_outcome
from qc_edge.analysis.operating_curve import cheapest_threshold, operating_curve
from qc_edge.analysis.output_files import write_csv
from qc_edge.analysis.replay.gallery import flip_gallery
from qc_edge.analysis.replay.parts import replay_parts
from qc_edge.analysis.replay.plot import plot_model_replay, plot_threshold_replay
from qc_edge.analysis.replay.request import ReplayRequest
from qc_edge.analysis.replay.result import ReplayResult
from qc_edge.analysis.replay.score_file import ScoreFile, score_file_path
from qc_edge.analysis.replay.scoring import RescoredPart, Rescorer
from qc_edge.analysis.replay.threshold_impact import ThresholdImpact
from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.bundles.bundle import load_bundle
from qc_edge.domain.history import Flip, LabelledPart, Totals
from qc_edge.engine import BuildContext, Engine, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.plot.canvas import Canvas
from qc_edge.plot.save import save_picture
from qc_edge.query.past.history import History
from qc_edge.query.past.part_views import stored_parts
from qc_edge.query.past.station_history import nothing_matches, open_history
from qc_edge.settings import StationPaths, load_settings
from qc_edge.settings.paths import shipped


def replay_threshold(
    paths: StationPaths, request: ReplayRequest, *, database: bool = False
) -> ReplayResult:
    """What `request.threshold` does to the stored scores; `database` reads a stopped station's.

    Raises UsageError, StoreError or SettingsError.
    """
    threshold = request.threshold
    assert threshold is not None, "checked by whoever chose this replay"  # noqa: S101
    request.outputs.check()
    zone = load_settings(paths.settings).station.calendar.zone
    writable = [request.outputs.csv] if request.outputs.csv else []
    with open_history(paths, request.selection, database, writable) as history:
        totals = history.totals(threshold)
        if not totals.inspections:
            raise nothing_matches(paths, database)
        labelled = history.labelled()
        impact = ThresholdImpact(
            threshold,
            totals,
            tuple(history.judged()),
            label_outcome(labelled),
            label_outcome(labelled, threshold),
            request.costs,
            tuple(history.flips(threshold, request.limit)) if request.limit else (),
            tuple(history.thresholds_then(threshold)),
            zone,
        )
        cheapest = cheapest_threshold(labelled, request.costs) if request.costs else None
        parts = replay_parts(stored_parts(history.source, request.selection, threshold))
        result = ReplayResult(paths.name, impact, cheapest=cheapest, parts=parts)
        if request.outputs.csv:
            history.write_flips(threshold, request.outputs.csv)
        if request.outputs.plot:
            picture = plot_threshold_replay(
                paths.name, impact, history.histogram(), operating_curve(labelled)
            )
            _save(picture, paths, request, result)
    return result


def replay_model(
    paths: StationPaths,
    request: ReplayRequest,
    progress: ScoringProgress,
    *,
    database: bool = False,
) -> ReplayResult:
    """What `request.bundle` makes of the stored inputs, at the request's threshold or its own.

    Raises ModelError, EngineError, UsageError, StoreError or SettingsError; the scores that were
    made until then are kept.
    """
    assert request.bundle is not None, "checked by whoever chose this replay"  # noqa: S101
    request.outputs.check()
    settings = load_settings(paths.settings)
    bundle = load_bundle(request.bundle, [paths.models, shipped("models")])
    threshold = bundle.threshold if request.threshold is None else request.threshold
    with open_history(paths, request.selection, database) as history:
        count = history.count_stored()
        if not count:
            raise nothing_matches(paths, database)
        engine = load_engine(bundle, settings.engine, BuildContext(paths.plans))
        try:
            # A model whose golden frames come out otherwise on this machine would give figures of
            # another model. `qc-edge model compare` takes it all the same, to find out.
            self_test(engine, bundle)
            path = request.results or score_file_path(paths.state / "replays", bundle)
            with ScoreFile(path, bundle.sha256, _engine_key(engine)) as scores:
                rescorer = Rescorer(engine, bundle, paths.state, scores)
                progress.start(bundle.reference, count, len(scores.scores))
                rescored = rescorer.score_all(history.stored(), progress)
        finally:
            engine.close()
        impact, flips = _impact(threshold, rescored, history, request)
        impact = replace(impact, zone=settings.station.calendar.zone)
        result = ReplayResult(
            paths.name,
            impact,
            model=bundle.reference,
            scored=rescorer.scored,
            skipped=rescorer.skipped,
        )
        if request.outputs.csv:
            _write_flips(flips, request.outputs.csv)
        if request.outputs.plot:
            picture = plot_model_replay(paths.name, bundle.reference, rescored, impact)
            _save(picture, paths, request, result)
    return result


def _save(
    picture: Canvas, paths: StationPaths, request: ReplayRequest, result: ReplayResult
) -> None:
    gallery = partial(flip_gallery, result.impact, paths.state, request.link_reports)
    assert request.outputs.plot is not None, "whoever saves has drawn it"  # noqa: S101
    save_picture(picture, request.outputs.plot, result.tables(), gallery, result.warnings)


def _write_flips(flips: Sequence[Flip], path: Path) -> None:
    names = [field.name for field in fields(Flip)]
    write_csv(path, names, ([getattr(flip, name) for name in names] for flip in flips))


def _engine_key(engine: Engine) -> str:
    return f"{engine.info.backend} {engine.info.version} {engine.info.device}"


def _impact(
    threshold: float, rescored: Sequence[RescoredPart], history: History, request: ReplayRequest
) -> tuple[ThresholdImpact, list[Flip]]:
    """The impact, and all flips, oldest first. Only parts with both scores count, on either side:
    else a part whose input is gone would look like a change.
    """
    scores = {part.part.frame_id: part.new_score for part in rescored}
    labelled = [part for part in history.labelled() if part.frame_id in scores]
    labelled_after = [replace(part, score=scores[part.frame_id]) for part in labelled]
    flips = _flips(threshold, rescored, labelled)
    failed = sum(part.part.verdict == "FAIL" for part in rescored)
    to_fail = sum(flip.replayed == "FAIL" for flip in flips)
    totals = Totals(len(rescored), failed, 0, to_fail, len(flips) - to_fail, 0)
    worst = sorted(flips, key=lambda flip: (flip.badness, -abs(flip.last_score - threshold)))
    impact = ThresholdImpact(
        threshold,
        totals,
        tuple(history.judged()),
        label_outcome(labelled),
        label_outcome(labelled_after, threshold),
        request.costs,
        tuple(worst[: request.limit]),
        tuple(history.thresholds_then(threshold)),
    )
    return impact, flips


def _flips(
    threshold: float, rescored: Sequence[RescoredPart], labelled: Sequence[LabelledPart]
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
            "FAIL" if new_score >= threshold else "PASS",
            labels.get(part.frame_id),
            new_score,
            part.raw_path,
        )
        for part, new_score in (
            (both.part, both.new_score) for both in rescored if both.flips(threshold)
        )
    ]
