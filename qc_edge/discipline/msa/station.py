"""The station as an appraiser: trials from its log, and studies kept among its files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.discipline.msa.trials import Trial
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.domain.printable import csv_cell
from qc_edge.errors import UsageError
from qc_edge.query.control.presentations import FIGURES, Presentation, presentations
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Span
from qc_edge.records import notices
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

COLUMNS = ("part", "appraiser", "trial", "result", "reference")


def studies(paths: StationPaths) -> Path:
    """Where studies are kept, one file each."""
    return paths.state / "msa"


def station_trials(
    paths: StationPaths, truth: Mapping[str, bool], since: datetime, trials: int
) -> bytes:
    """CSV of the first `trials` times that each part of `truth` was seen since then.

    Raises UsageError where a part was seen less often, or StoreError.
    """
    lines: list[list[object]] = [[*COLUMNS, *FIGURES]]
    lines += [
        [
            each.part_id,
            paths.name,
            each.number,
            "good" if each.passed else "bad",
            "good" if truth[each.part_id] else "bad",
            *(each.figures[name] for name in FIGURES),
        ]
        for each in _seen(paths, truth, since, trials)
    ]
    return _csv(lines)


def station_looks(
    paths: StationPaths, truth: Mapping[str, bool], since: datetime, trials: int
) -> list[Trial]:
    """As `station_trials`, as trials. Raises as that."""
    return [
        Trial(each.part_id, paths.name, str(each.number), each.passed, truth[each.part_id], None)
        for each in _seen(paths, truth, since, trials)
    ]


def _seen(
    paths: StationPaths, truth: Mapping[str, bool], since: datetime, trials: int
) -> list[Presentation]:
    with PublishedLog(paths.published) as log:
        seen = presentations(log.cursor(), Span(since=since), sorted(truth))
    counts = dict.fromkeys(truth, 0)
    for each in seen:
        counts[each.part_id] += 1
    if short := [f"{part} ({n})" for part, n in counts.items() if n < trials]:
        raise UsageError(
            f"{len(short)} of {len(truth)} parts were seen less than {trials} times: "
            f"{', '.join(short[:10])}",
            hint="present them again, or give --trials; parts are found by their id",
        )
    return [each for each in seen if each.number <= trials]


def blind_orders(
    truth: Mapping[str, bool], appraisers: Sequence[str], trials: int, seed: int
) -> dict[str, bytes]:
    """For each appraiser a sheet to fill in, by name of file: every part in each trial, in another
    random order, without the truth.
    """
    # Not for secrets: the same seed gives the same sheets again, for whoever asks how it was done.
    draw, files = random.Random(seed), {}  # noqa: S311
    for name in appraisers:
        lines: list[list[object]] = [["part", "appraiser", "trial", "result"]]
        for trial in range(1, trials + 1):
            order = sorted(truth)
            draw.shuffle(order)
            lines += [[part, name, trial, ""] for part in order]
        files[f"{name}.csv"] = _csv(lines)
    return files


def keep_study(
    paths: StationPaths,
    kind: str,
    values: Mapping[str, Any],
    trials: Sequence[Trial],
    who: str,
    now: datetime,
) -> Path:
    """Keep a study among the station's files, and leave word for the log. Raises StoreError."""
    content = json.dumps(
        {
            "kind": kind,
            "at": now.isoformat(),
            "who": who,
            **values,
            "trials": [
                [t.part, t.appraiser, t.trial, t.is_good, t.reference_is_good, t.value]
                for t in trials
            ],
        },
        ensure_ascii=False,
        indent=1,
    ).encode()
    make_directories([studies(paths)])
    safe = re.sub(r"[^\w-]+", "_", kind)  # a gauge's has the name of a column in it
    path = studies(paths) / f"{now:%Y%m%dT%H%M%S}Z-{safe}.json"
    write_file(path, content)
    digest = hashlib.sha256(content).hexdigest()
    notices.leave(
        paths.notices,
        Occurrence(
            EventKind.MSA_STUDY,
            f"{kind} study {path.name}: {values['verdict']}",
            after=digest,
            who=who,
        ),
    )
    return path


def _csv(lines: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([csv_cell(cell) for cell in line] for line in lines)
    return text.getvalue().encode()
