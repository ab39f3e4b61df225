"""Before a start: what the log says was in force last is still what is there."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from qc_edge.domain.events import EventKind
from qc_edge.domain.in_force import InForce
from qc_edge.query.last_snapshot import last_snapshot, told_of
from qc_edge.recipe.active_model import ActiveModel
from qc_edge.recipe.changeover.recipe_in_force import check_recipe_kept
from qc_edge.recipe.in_force import last_in_force
from qc_edge.recipe.kept_records import PutBy, check_kept, check_model_kept
from qc_edge.records import activations, changeovers
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.log import lookups
from qc_edge.store.log.ledger import Ledger


def check_start(
    paths: StationPaths,
    ledger: Ledger,
    settings: Settings,
    now: datetime,
    opened: ActiveModel | None = None,
) -> None:
    """Hold the records on the disk against the newest snapshot in the log.

    `opened` is the model that is to judge, once that is known; `now` is what dates are judged by.
    Raises RecordError if something is missing or was changed and nobody has set a newer value;
    ThresholdError or ModelError on a record that is damaged in itself.
    """
    if (last := last_in_force(ledger)) is None:
        return  # the first start
    # A power cut may have left the events of a change without the snapshot behind them.
    last = last.with_later(ledger.ask(partial(lookups.records_since, kind=EventKind.IN_FORCE)))
    history = activations.load(paths.activations)
    judging = opened.activation if opened else history.pending or history.in_force
    check_model_kept(paths, settings, history, judging, last, put_by(ledger), ledger.told_of)
    check_kept(paths, last, now, put_by(ledger))
    changed = changeovers.load(paths.changeovers)
    check_recipe_kept(paths, changed, changed.pending or changed.in_force, last)


def check_next_start(paths: StationPaths, settings: Settings, now: datetime) -> InForce | None:
    """As `check_start`, for whoever has not opened the log: by what is published. The snapshot that
    the records were held against, None on a station that has none.

    Raises RecordError, ThresholdError or ModelError as the start would.
    """
    if (last := last_snapshot(paths)) is not None:
        history = activations.load(paths.activations)
        judging = history.pending or history.in_force
        told = partial(told_of, paths)
        check_model_kept(paths, settings, history, judging, last, _nobody, told)
        check_kept(paths, last, now, _nobody)
        changed = changeovers.load(paths.changeovers)
        check_recipe_kept(paths, changed, changed.pending or changed.in_force, last)
    return last


def _nobody(_: str) -> str:
    return ""


def put_by(ledger: Ledger) -> PutBy:
    """Who put a record in force and when, by the log."""

    def words(path: str) -> str:
        return str(ledger.put_in_force(path) or "")

    return words
