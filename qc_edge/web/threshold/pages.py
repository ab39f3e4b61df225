"""Threshold: a slider over the real past, a proposal, and somebody else who approves it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from qc_edge.domain.threshold import ThresholdState
from qc_edge.errors import UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.proposing import decide, find_proposal, open_proposals, propose
from qc_edge.recipe.proposing.proposals import APPROVERS, fits_still
from qc_edge.recipe.threshold_change import current_threshold, parse_threshold
from qc_edge.web.threshold.outlook import DAYS, Outlook, Question, bars, outlook
from qc_edge.web.visit import Fields, NotAllowedError, PersonVisit, Values, Visit

router = APIRouter()


@router.get("/threshold")
def show_threshold(visit: PersonVisit, view: str = "") -> Response:
    """The page: how the scores lie, what the threshold asked for would have done, proposals."""
    _require_approver(visit)
    state = _state(visit, view)
    empty = {"camera": state.camera or "", "escape": "", "overkill": ""}
    given = empty | dict(visit.request.query_params)
    question = Question.parse(given, state.value, state.bundle)
    with visit.page.queries:
        log = visit.page.log.cursor()
        shape, found = bars(log, question), outlook(log, question)
    return visit.render(
        "threshold.html",
        state=state,
        days=DAYS,
        bars=shape,
        asked=given,
        proposals=open_proposals(visit.page.paths, state),
        **_values(found, question),
    )


@router.get("/threshold/at")
def show_outlook(visit: PersonVisit, model: str) -> Response:
    """A piece of the page: what one threshold would have done."""
    _require_approver(visit)
    question = Question.parse(visit.request.query_params, 0.5, model)
    with visit.page.queries:
        found = outlook(visit.page.log.cursor(), question)
    return visit.render("threshold_outlook.html", **_values(found, question))


@router.post("/threshold/propose")
def propose_threshold(visit: PersonVisit, fields: Fields) -> Response:
    """Write the proposal; it changes nothing."""
    visit.require_token(fields.get("token"))
    _require_approver(visit)
    state = _state(visit, fields.get("view", ""))
    value = parse_threshold(fields.get("value", ""))
    question = Question.parse({**fields, "value": str(value)}, value, state.bundle)
    with visit.page.queries:
        found = outlook(visit.page.log.cursor(), question)
    propose(visit.page.paths, state, value, _attribution(visit, fields), _words(found))
    return RedirectResponse(f"/threshold?view={state.view or ''}", 303)


@router.post("/threshold/decide")
def decide_proposal(visit: PersonVisit, fields: Fields) -> Response:
    """Approve it or decline it; the station puts in force what was approved."""
    visit.require_token(fields.get("token"))
    _require_approver(visit)
    approved = fields.get("decision") == "approve"
    proposal = find_proposal(visit.page.paths, fields.get("proposal", ""))
    if approved and not fits_still(proposal, _state(visit, proposal.view or "")):
        raise UsageError(visit.words("threshold.outdated"))
    attribution = _attribution(visit, fields)
    decide(visit.page.paths, proposal, attribution, visit.user.role, approved=approved)
    return RedirectResponse(f"/threshold?view={proposal.view or ''}", 303)


def _require_approver(visit: Visit) -> None:
    if visit.user.role not in APPROVERS:
        raise NotAllowedError


def _state(visit: Visit, view: str) -> ThresholdState:
    """Of that view; of the first one where the station has several and none is named."""
    views = [each.name for each in visit.page.settings.view]
    return current_threshold(visit.page.paths, view or next(iter(views), None))


def _attribution(visit: Visit, fields: Fields) -> Attribution:
    why = fields.get("why", "").strip()
    if not why:
        raise UsageError(visit.words("review.why_missing"))
    return Attribution.parse(visit.user.name, why)


def _values(found: Outlook | None, question: Question) -> Values:
    return {"outlook": found, "question": question}


def _words(found: Outlook | None) -> str:
    """What the proposer saw, for whoever approves it and for the record."""
    if found is None:
        return "nothing was published in that time"
    totals, before, after = found.totals, found.before, found.after
    return (
        f"of {totals.inspections:,} frames in {found.question.days} days {totals.pass_to_fail:,} "
        f"PASS would have been FAIL and {totals.fail_to_pass:,} FAIL PASS; of {found.labelled:,} "
        f"labelled: escapes {before.escapes.count} -> {after.escapes.count} of "
        f"{after.escapes.of}, overkill {before.overkill.count} -> {after.overkill.count} of "
        f"{after.overkill.of}"
    )
