"""A changeover as a person, the page or the line asks for it: a record that the station takes up.

`request_changeover` is the one way, whoever asks; the running station decides and keeps what became
of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from qc_edge.domain.activation import STATION_RECIPE, Changeover
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.domain.threshold import record_id
from qc_edge.errors import StoreError, UsageError
from qc_edge.query.last_snapshot import last_snapshot
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.recipe_check import check_recipe
from qc_edge.records import changeovers, recipes
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, StationPaths, load_settings

WAIT_S = 600.0
"""Engines that are not resident may have to be compiled first."""


Refuse = Callable[[StationPaths, str, RecipeContent], None]
"""Called with NAME@REVISION and what it has; raises a QcEdgeError if that must not judge."""


def request_changeover(
    paths: StationPaths, wanted: int | str, by: str, reason: str, refuse: Refuse | None = None
) -> Changeover:
    """Record that a recipe is to judge: its number, NAME, NAME@REVISION, or `station` for what the
    settings say. A running station takes it up at once; `wait_for_changeover` tells the outcome.

    Raises RecipeError if it is not approved or does not fit the station, UsageError if it is in
    force or another changeover is under way, StoreError if the disk does not take the record, and
    what `refuse` raises.
    """
    attribution = Attribution.parse(by, reason)
    approved = ApprovedRecipes.of(paths)
    reference = approved.find(wanted)
    _ask(refuse, paths, approved, reference)
    history, _ = changeovers.load_recent(paths.changeovers)
    refuse_if_under_way(paths, history)
    judges = reference == current_recipe(history) and not history.pending
    if judges and not _is_lost(paths, history):
        raise UsageError(
            f"{reference} is in force already", hint=f"qc-edge recipe list {paths.name}"
        )
    return _write(paths, approved, history, reference, "", attribution)


def request_rollback(
    paths: StationPaths, by: str, reason: str, refuse: Refuse | None = None
) -> Changeover:
    """Record that the recipe before is to judge again. Raises UsageError if there is none; else as
    `request_changeover`.
    """
    attribution = Attribution.parse(by, reason)
    history = changeovers.load(paths.changeovers)
    refuse_if_under_way(paths, history)
    rollback = history.undone_by_rollback()
    if rollback is None:
        raise UsageError(
            f"{paths.name} judges by what its settings say, there is nothing to go back to",
            hint=f"qc-edge recipe activate {paths.name} RECIPE --by WHO --reason TEXT",
        )
    undone, before = rollback
    reference = before.recipe if before else undone.before
    approved = ApprovedRecipes.of(paths)
    _ask(refuse, paths, approved, reference)
    return _write(paths, approved, history, reference, undone.record_id, attribution)


def current_recipe(history: DecisionHistory[Changeover]) -> str:
    """NAME@REVISION in force, or `station`."""
    return history.in_force.recipe if history.in_force else STATION_RECIPE


def _ask(
    refuse: Refuse | None, paths: StationPaths, approved: ApprovedRecipes, reference: str
) -> None:
    if refuse is not None and reference != STATION_RECIPE:
        refuse(paths, reference, approved.load(reference).content)


def _is_lost(paths: StationPaths, history: DecisionHistory[Changeover]) -> bool:
    """Whether the record of the changeover that the log says was the last is not there: then no
    start comes to an end until a new one is on record, to the same recipe or another.
    """
    last = last_snapshot(paths)
    if last is None or last.changeover is None:
        return False
    return history.in_force is None or history.in_force.record_id < last.changeover


def refuse_if_under_way(paths: StationPaths, history: DecisionHistory[Changeover]) -> None:
    """Raise UsageError while a running station is at another changeover."""
    if history.pending and holder_of(paths.lock(Role.INSPECT)) is not None:
        raise UsageError(
            f"a changeover to {history.pending.recipe} is under way, asked for by "
            f"{history.pending.made_by}",
            hint=f"wait until it is in force or refused: qc-edge recipe list {paths.name}",
        )


def wait_for_changeover(paths: StationPaths, record: Changeover, timeout_s: float = WAIT_S) -> str:
    """What the running station made of it: `in force` or `refused: ...`; "" if it has not decided
    by then, or does not run.
    """
    pause, end = threading.Event(), time.monotonic() + timeout_s
    while time.monotonic() < end and holder_of(paths.lock(Role.INSPECT)) is not None:
        if changeovers.is_decided(paths.changeovers, record.record_id):
            return changeovers.state(paths.changeovers, record)
        pause.wait(0.02)
    return ""


def _write(
    paths: StationPaths,
    approved: ApprovedRecipes,
    history: DecisionHistory[Changeover],
    reference: str,
    undoes: str,
    attribution: Attribution,
) -> Changeover:
    digest = ""
    if reference != STATION_RECIPE:
        recipe = approved.load(reference)
        check_recipe(paths, load_settings(paths.settings), reference, recipe.content)
        digest = recipes.digest(paths.recipes, reference)
    at = utc_now()
    record = Changeover(
        record_id(at),
        paths.name,
        reference,
        digest,
        current_recipe(history),
        undoes,
        at,
        attribution.by,
        attribution.reason,
    )
    changeovers.write(paths.changeovers, record)
    for name in _damaged(paths):
        # The record stands, whatever becomes of these: the page may move nothing there.
        with suppress(StoreError):
            changeovers.set_aside(paths.changeovers, name, paths.set_aside)
    return record


def _damaged(paths: StationPaths) -> list[str]:
    """Damaged records, which would keep the station from starting; while it runs only those among
    the newest: the line waits for an answer, and a start looks at all of them.
    """
    if holder_of(paths.lock(Role.INSPECT)) is not None:
        return changeovers.load_recent(paths.changeovers)[1]
    return changeovers.sound_and_damaged(paths.changeovers)[1]
