"""A blind study at the page: whoever judges sees the next picture and nothing else; whoever has
begun it sees how far they are, and then what came out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from qc_edge.discipline.msa import blind, blind_answers
from qc_edge.discipline.msa.blind import BlindPart, BlindStudy
from qc_edge.discipline.msa.trials import parse_truth
from qc_edge.domain.label import PersonRole
from qc_edge.errors import UsageError
from qc_edge.query import evidence
from qc_edge.query.inspection_search import inspections_of
from qc_edge.web.discipline import study_result
from qc_edge.web.discipline.asked import required
from qc_edge.web.guard import POLICY
from qc_edge.web.pages.picture import row_of
from qc_edge.web.pages.shift import REPORT_POLICY
from qc_edge.web.pictures import PictureKind
from qc_edge.web.templates import STATIC
from qc_edge.web.visit import Fields, NotAllowedError, PersonVisit, Visit, form_pairs

router = APIRouter(prefix="/study")

_MAKERS = {PersonRole.ENGINEER, PersonRole.QUALITY}
_VIEWS = 16

Pairs = Annotated[list[tuple[str, str]], Depends(form_pairs)]


@router.get("")
def show_studies(visit: PersonVisit) -> Response:
    """What waits for this person, and, for engineers and quality, all studies and a new one."""
    paths, who = visit.page.paths, visit.user.name
    studies = blind.all_studies(paths)
    mine = [
        (each, each.looks - blind_answers.answered(paths, each, who))
        for each in studies
        if who in each.appraisers and blind.result_of(paths, each) is None
    ]
    may_make = visit.user.role in _MAKERS
    seen = [each for each in studies if may_make and _may_see(visit, each)]
    return visit.render(
        "study.html",
        mine=mine,
        studies=seen,
        progress={each.study_id: _progress(visit, each) for each in seen},
        people=sorted(set(visit.page.users.all()) - {who}),
        may_make=may_make,
        most=blind.MOST_TRIALS,
    )


@router.post("/begin")
def begin(visit: PersonVisit, pairs: Pairs) -> Response:
    """Begin one: its pictures are put on hold, so that they are there until all have judged."""
    fields = dict(pairs)
    visit.require_token(fields.get("token"))
    _require_maker(visit)
    people = [value for name, value in pairs if name == "appraiser"]
    known = visit.page.users.all()
    if not people or any(name not in known for name in people):
        raise UsageError(visit.words("study.no_appraiser"))
    if visit.user.name in people:
        raise UsageError(visit.words("study.not_maker"))
    title = required(visit, fields, "title")
    truth = parse_truth(fields.get("parts", ""), visit.words("study.parts"))
    typed = fields.get("trials", "")
    trials = int(typed) if typed.isdecimal() and len(typed) < 7 else 0
    blind.check_size(len(truth), len(people), trials)
    parts = [_part(visit, part, is_good) for part, is_good in truth.items()]
    paths, user = visit.page.paths, visit.user
    study = blind.begin(paths, title, parts, (user.name, people), trials)
    study_result.hold_pictures(visit, study)
    return RedirectResponse(f"/study/look?study={study.study_id}", 303)


@router.get("/judge")
def show_next(visit: PersonVisit, study: str) -> Response:
    """The next picture; not of which part it is, nor of which frame."""
    found = _mine(visit, study)
    number = blind_answers.answered(visit.page.paths, found, visit.user.name)
    if number >= found.looks:
        return visit.render("study_done.html", study=found)
    frames = found.parts[found.order(visit.user.name)[number]].frames
    if any(_picture(visit, frame) is None for frame in frames):
        # What is said of a picture that nobody sees would be made up.
        raise UsageError(visit.words("study.not_shown", number=number + 1))
    views = range(len(frames))
    return visit.render("study_judge.html", study=found, number=number, views=views)


@router.get("/picture")
def show_picture(
    visit: PersonVisit, study: str, number: int, view: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The picture that is to be judged now; no other one, for whoever asks."""
    found = _mine(visit, study)
    paths, who = visit.page.paths, visit.user.name
    if number != blind_answers.answered(paths, found, who) or number >= found.looks:
        return FileResponse(STATIC / "gone.svg", 404, media_type="image/svg+xml")
    frames = found.parts[found.order(who)[number]].frames
    copy = _picture(visit, frames[view]) if view < len(frames) else None
    if copy is None:
        return FileResponse(STATIC / "gone.svg", 404, media_type="image/svg+xml")
    return Response(copy, media_type="image/jpeg")


@router.post("/say")
def say(visit: PersonVisit, fields: Fields) -> Response:
    """What this person says of the picture; sent twice it counts once."""
    visit.require_token(fields.get("token"))
    found = _mine(visit, fields.get("study", ""))
    said, number = fields.get("said"), fields.get("number", "")
    if said not in {"good", "bad"} or not number.isdecimal() or len(number) > 6:
        raise UsageError(visit.words("error.not_understood"))
    look = (int(number), said == "good")
    blind_answers.answer(visit.page.paths, found, visit.user.name, look, _took(fields))
    return RedirectResponse(f"/study/judge?study={found.study_id}", 303)


@router.get("/look")
def show_study(visit: PersonVisit, study: str) -> Response:
    """How far everybody is, and what came out."""
    found = _made(visit, study)
    paths = visit.page.paths
    result = blind.result_of(paths, found)
    shown = visit.render(
        "study_look.html",
        study=found,
        progress=_progress(visit, found),
        is_complete=blind_answers.is_complete(paths, found),
        result=result,
        kinds=study_result.kinds(),
    )
    shown.headers["content-security-policy"] = f"{POLICY}; frame-src 'self'"
    return shown


@router.post("/finish")
def finish(visit: PersonVisit, fields: Fields) -> Response:
    """Work it out, keep it, and let go of its pictures."""
    visit.require_token(fields.get("token"))
    found = _made(visit, fields.get("study", ""))
    study_result.work_out(visit, found, with_station=fields.get("station") == "1")
    return RedirectResponse(f"/study/look?study={found.study_id}", 303)


@router.get("/sheet")
def show_sheet(
    visit: PersonVisit, study: str, kind: Literal["html", "pdf", "csv"] = "html"
) -> Response:
    """The sheet of a study that is over, and its trials as CSV."""
    found = _made(visit, study)
    content, media_type = study_result.document(visit, found, kind)
    name = f"{visit.page.paths.name}-study-{found.study_id}.{kind}"
    if kind == "html":
        return HTMLResponse(content, headers={"content-security-policy": REPORT_POLICY})
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


def _require_maker(visit: Visit) -> None:
    if visit.user.role not in _MAKERS:
        raise NotAllowedError


def _mine(visit: Visit, study_id: str) -> BlindStudy:
    """A study that this person judges in. Raises UsageError."""
    study = blind.load(visit.page.paths, study_id)
    if visit.user.name not in study.appraisers:
        raise UsageError(visit.words("study.not_yours"))
    return study


def _made(visit: Visit, study_id: str) -> BlindStudy:
    """A study that this person may look into. Raises NotAllowedError."""
    _require_maker(visit)
    study = blind.load(visit.page.paths, study_id)
    if not _may_see(visit, study):
        raise NotAllowedError
    return study


def _may_see(visit: Visit, study: BlindStudy) -> bool:
    """Whoever judges in a study learns nothing of it before it is over."""
    is_over = blind.result_of(visit.page.paths, study) is not None
    return is_over or visit.user.name not in study.appraisers


def _picture(visit: Visit, frame: str) -> bytes | None:
    row = row_of(visit.page, frame)
    return visit.page.pictures.get(row, PictureKind.FRAME, "large") if row else None


def _progress(visit: Visit, study: BlindStudy) -> Mapping[str, int]:
    paths = visit.page.paths
    if blind.result_of(paths, study) is not None:
        return dict.fromkeys(study.appraisers, study.looks)  # thousands of files need no count
    return {who: blind_answers.answered(paths, study, who) for who in study.appraisers}


def _part(visit: Visit, part: str, is_good: bool) -> BlindPart:
    """The part with the frames of its newest inspection. Raises UsageError."""
    with visit.page.queries:
        rows = inspections_of(visit.page.lookup(), part, _VIEWS)
    if not rows:
        raise UsageError(visit.words("part.none"), hint=part)
    same = [row for row in rows if row.attempt_id == rows[0].attempt_id and row.attempt_id]
    shown = same or rows[:1]
    for row in shown:
        if row.raw_path is None or evidence.find(visit.page.paths.state, row.raw_path) is None:
            raise UsageError(visit.words("study.gone", part=part))
    ordered = sorted(shown, key=lambda row: row.view or row.camera)
    return BlindPart(part, is_good, tuple(row.frame_id for row in ordered))


def _took(fields: Mapping[str, str]) -> float | None:
    try:
        took = float(fields.get("took", ""))
    except ValueError:
        return None
    return took if 0 <= took <= 3600 else None
