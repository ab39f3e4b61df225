"""What appraisers say in a blind study: a file for each picture, written once and in their order;
and the trials that all of it makes.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from qc_edge.discipline.msa.blind import BlindStudy, answers_of
from qc_edge.discipline.msa.trials import Trial
from qc_edge.errors import UsageError
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

_one_at_a_time = threading.Lock()


def answered(paths: StationPaths, study: BlindStudy, who: str) -> int:
    """How many pictures `who` has judged: the next one is that of this number, counted from 0."""
    return sum(1 for _ in answers_of(paths, study, who).glob("[0-9]*.json"))


def answer(
    paths: StationPaths, study: BlindStudy, who: str, look: tuple[int, bool], took_s: float | None
) -> None:
    """Write down what `who` says, durably: `look` is the number of the picture, from 0, and whether
    they call it good. The same number again changes nothing: the first word counts. Raises
    UsageError if it is not the next one, or `who` does not judge here; StoreError.
    """
    number, is_good = look
    if who not in study.appraisers:
        raise UsageError(f"{who} does not judge in this study")
    with _one_at_a_time:  # a second press of a button may come beside the first
        following = answered(paths, study, who)
        if number < following:
            return
        if number > following or number >= study.looks:
            raise UsageError("that is not the picture to be judged next")
        values = {"is_good": is_good, "at": utc_now().isoformat(), "took_s": took_s}
        folder = answers_of(paths, study, who)
        make_directories([folder])
        write_file(folder / f"{number:04d}.json", json.dumps(values).encode())


def is_complete(paths: StationPaths, study: BlindStudy) -> bool:
    """True if every appraiser has judged every picture."""
    return all(answered(paths, study, who) >= study.looks for who in study.appraisers)


def trials_of(paths: StationPaths, study: BlindStudy) -> list[Trial]:
    """Every look of every appraiser, as trials with the truth. Raises UsageError if any is missing
    or does not read.
    """
    found = []
    for who in study.appraisers:
        seen = [0] * len(study.parts)
        for number, place in enumerate(study.order(who)):
            seen[place] += 1
            part = study.parts[place]
            said = _said(answers_of(paths, study, who) / f"{number:04d}.json", who)
            found.append(Trial(part.part, who, str(seen[place]), said, part.is_good, None))
    return found


def _said(path: Path, who: str) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["is_good"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"an answer of {who} is missing or does not read: {path.name}",
            hint="nothing is made up: let all appraisers judge all pictures first",
        ) from None
