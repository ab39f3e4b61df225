"""Which recipe judges, and the request for another one: only one that a person has approved."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query

from qc_edge.domain.activation import STATION_RECIPE, Changeover, recipe_name
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.request import current_recipe, request_changeover
from qc_edge.records import changeovers
from qc_edge.settings import StationPaths
from qc_edge.upstream.releases.staged import refuse_revoked_recipe
from qc_edge.web.api.caller import Changer, Reader
from qc_edge.web.api.problems import ProblemError
from qc_edge.web.api.shapes import (
    ApprovedRecipe,
    ChangeoverAsked,
    ChangeoverRequest,
    ChangeoversFound,
    ChangeoverState,
    ChangeoverTold,
    RecipeState,
)

router = APIRouter(tags=["recipe"])


@router.get("/recipe")
def show_recipe(caller: Reader) -> RecipeState:
    """Which recipe judges, what became of the last request, and which may be asked for."""
    paths = caller.page.paths
    history = changeovers.load(paths.changeovers, allow_damaged=True)
    last = history.decisions[-1] if history.decisions else None
    return RecipeState(
        in_force=current_recipe(history),
        pending=history.pending.recipe if history.pending else None,
        last_request=last.record_id if last else None,
        last_outcome=history.state(last) if last else None,
        approved=_approved(paths),
    )


@router.post("/recipe", status_code=202)
def ask_for_recipe(caller: Changer, wanted: ChangeoverRequest) -> ChangeoverAsked:
    """Ask for a changeover by the number or the name of an approved recipe. The running station
    takes it up at once, between two frames; GET /recipe tells what became of it.
    """
    if (wanted.number is None) == (wanted.recipe is None):
        raise ProblemError(422, "which recipe?", expected="either number or recipe")
    if wanted.recipe == STATION_RECIPE:
        raise ProblemError(
            409,
            "what the settings say is no recipe that somebody has approved",
            expected="the name or number of an approved recipe",
            todo=f"qc-edge recipe activate {caller.page.paths.name} {STATION_RECIPE}",
        )
    asked = wanted.recipe if wanted.number is None else wanted.number
    assert asked is not None  # noqa: S101
    record = request_changeover(
        caller.page.paths, asked, caller.name, wanted.reason, refuse_revoked_recipe
    )
    return ChangeoverAsked(record=record.record_id, recipe=record.recipe, before=record.before)


@router.get("/changeovers")
def list_changeovers(
    caller: Reader,
    before: Annotated[str, Query(max_length=100, description="`next` of the last answer.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ChangeoversFound:
    """Which recipe was to judge from when on, who asked for it and what became of it, the newest
    first; those that a person asked for as well.
    """
    history = changeovers.load(caller.page.paths.changeovers, allow_damaged=True)
    older = [each for each in history.decisions if not before or each.record_id < before]
    shown = older[::-1][:limit]
    return ChangeoversFound(
        changeovers=[_told(history, each) for each in shown],
        next=shown[-1].record_id if len(older) > limit else None,
    )


def _told(history: DecisionHistory[Changeover], record: Changeover) -> ChangeoverTold:
    outcome = history.outcomes.get(record.record_id)
    return ChangeoverTold(
        record=record.record_id,
        recipe=record.recipe,
        before=record.before,
        undoes=record.undoes or None,
        asked_at=record.made_at,
        asked_by=record.made_by,
        reason=record.reason,
        state=cast("ChangeoverState", history.state(record).partition(":")[0]),
        decided_at=outcome.at if outcome else None,
        detail=outcome.detail if outcome else None,
    )


def _approved(paths: StationPaths) -> list[ApprovedRecipe]:
    approved = ApprovedRecipes.of(paths)
    names = sorted({recipe_name(reference) for reference in approved.by_reference})
    shown = []
    for name in names:
        if reference := approved.newest(name):
            content = approved.load(reference).content
            shown.append(
                ApprovedRecipe(recipe=reference, number=content.number, product=content.product)
            )
    return sorted(shown, key=lambda each: each.number)
