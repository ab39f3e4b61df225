"""What comes out of a blind study: worked out once, kept among the station's studies, shown."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
from datetime import timedelta
from importlib.util import find_spec

from qc_edge.discipline.msa import blind, blind_answers
from qc_edge.discipline.msa.attribute import analyse_attribute
from qc_edge.discipline.msa.blind import BlindStudy
from qc_edge.discipline.msa.sheets import (
    attribute_sheet,
    attribute_tables,
    attribute_words,
    tables_json,
)
from qc_edge.discipline.msa.station import COLUMNS, keep_study, station_looks, studies
from qc_edge.discipline.msa.trials import Trial
from qc_edge.domain.printable import csv_cell
from qc_edge.errors import UsageError
from qc_edge.labels.holds import HoldRequest, ReleaseRequest, hold, of_frames, release
from qc_edge.report.pdf import render_pdf
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.web.visit import Visit

_CAUSE = "msa_study"
"""Of the hold on a study's pictures."""

_LOOK_BACK = timedelta(days=30)
"""Of the station's own looks at the parts: from so long before the study was begun."""

_one_at_a_time = threading.Lock()

_TYPES = {"html": "text/html", "pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


def kinds() -> list[str]:
    """What a sheet can be had as."""
    return ["html", *(["pdf"] if find_spec("weasyprint") else []), "csv"]


def hold_pictures(visit: Visit, study: BlindStudy) -> None:
    """Keep its pictures until it is over. Raises StoreError."""
    frames = of_frames(frame for each in study.parts for frame in each.frames)
    user, hold_id = visit.user, _hold_id(study)
    hold(
        visit.page.paths,
        HoldRequest(frames, user.name, study.title, _CAUSE, user.role, hold_id),
    )


def work_out(visit: Visit, study: BlindStudy, *, with_station: bool) -> None:
    """Analyse it, keep it with its trials, and release its pictures; nothing if that was done.

    Raises UsageError where anybody has not judged all, or the station has not seen each part that
    often; StoreError.
    """
    with _one_at_a_time:  # a second press of the button may come beside the first
        if blind.result_of(visit.page.paths, study) is None:
            _work_out(visit, study, with_station=with_station)


def _work_out(visit: Visit, study: BlindStudy, *, with_station: bool) -> None:
    paths, who, role = visit.page.paths, visit.user.name, visit.user.role
    trials = blind_answers.trials_of(paths, study)
    if with_station:
        truth = {each.part: each.is_good for each in study.parts}
        with visit.page.queries:
            trials += station_looks(paths, truth, study.made_at - _LOOK_BACK, study.trials)
    found = analyse_attribute(trials)
    words = attribute_words(found)
    values = {
        "verdict": words,
        "notes": list(found.notes),
        "tables": tables_json(attribute_tables(found)),
        "blind": study.study_id,
    }
    kept = keep_study(paths, "attribute", values, trials, who, utc_now())
    # Of its own hold alone: what else holds these pictures is somebody else's reason. And before it
    # is over: nobody would come by here again, and they would be kept for ever.
    over = f"the study {study.study_id} is over"
    release(paths, ReleaseRequest((), who, over, _CAUSE, role, _hold_id(study)))
    blind.finish(paths, study, {"kept": kept.name, "verdict": words, "notes": list(found.notes)})


def document(visit: Visit, study: BlindStudy, kind: str) -> tuple[bytes, str]:
    """The sheet or the trials, and their type. Raises UsageError before the study is over."""
    result = blind.result_of(visit.page.paths, study)
    if result is None:
        raise UsageError(visit.words("study.open"))
    trials = _kept_trials(visit.page.paths, str(result.get("kept")))
    if kind == "csv":
        return _csv(trials), _TYPES[kind]
    facts = {"Made": f"{study.made_at:%Y-%m-%d} by {study.made_by}", "Study": study.study_id}
    html = attribute_sheet(study.title, analyse_attribute(trials), [], facts).html()
    return (render_pdf(html) if kind == "pdf" else html.encode()), _TYPES[kind]


def _hold_id(study: BlindStudy) -> str:
    return hashlib.sha256(study.study_id.encode()).hexdigest()[:12]


def _kept_trials(paths: StationPaths, name: str) -> list[Trial]:
    """The trials of a study that is kept, the station's among them. Raises UsageError."""
    try:
        kept = json.loads((studies(paths) / name).read_bytes())["trials"]
        return [Trial(*each) for each in kept]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"the study {name!r:.60} does not read") from None


def _csv(trials: list[Trial]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in trials:
        said, truth = (
            "good" if is_good else "bad" for is_good in (each.is_good, each.reference_is_good)
        )
        writer.writerow(map(csv_cell, (each.part, each.appraiser, each.trial, said, truth)))
    return text.getvalue().encode()
