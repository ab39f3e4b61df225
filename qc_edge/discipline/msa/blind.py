"""A study at the page: appraisers judge pictures of known parts, blind, each in an order of their
own. The study and every answer are files of the station that nobody rewrites; when all have
judged, the trials are worked out and kept as those of any other study.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.discipline.msa.station import studies
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import UsageError
from qc_edge.records import notices
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

MOST_PARTS, MOST_TRIALS, MOST_APPRAISERS = 300, 10, 30

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_STUDY, _RESULT = "study.json", "result.json"


@dataclass(frozen=True, slots=True)
class BlindPart:
    """A part of a study: what it truly is, and the frames of its newest inspection, which are what
    is shown, one of each view.
    """

    part: str
    is_good: bool
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlindStudy:
    """`trials` is how often each appraiser sees each part, `key` (hex) draws the orders; `made_at`
    is aware UTC.
    """

    study_id: str
    title: str
    made_by: str
    made_at: datetime
    parts: tuple[BlindPart, ...]
    appraisers: tuple[str, ...]
    trials: int
    key: str

    @property
    def looks(self) -> int:
        """What each appraiser has to judge."""
        return len(self.parts) * self.trials

    def order(self, who: str) -> list[int]:
        """The parts, by their place in `parts`, in the order in which `who` sees them: each once
        before any comes again, and none twice in a row.
        """
        seed = hashlib.sha256(f"{self.key}\n{who}".encode()).hexdigest()
        # Drawn again at each look instead of stored: the same key, the same order.
        draw, order = random.Random(int(seed, 16)), list[int]()  # noqa: S311
        for _ in range(self.trials):
            turn = list(range(len(self.parts)))
            draw.shuffle(turn)
            if order and len(turn) > 1 and turn[0] == order[-1]:
                turn[0], turn[-1] = turn[-1], turn[0]
            order += turn
        return order


_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,30}$")]
"""As the page's people are called: it is the name of a folder."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    part: str
    is_good: bool
    frames: list[str] = Field(min_length=1)


class _Study(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    study_id: str
    title: str
    made_by: str
    made_at: AwareDatetime
    parts: Annotated[list[_Part], Field(min_length=1, max_length=MOST_PARTS)]
    appraisers: Annotated[list[_Name], Field(min_length=1, max_length=MOST_APPRAISERS)]
    trials: int = Field(ge=1, le=MOST_TRIALS)
    key: str = Field(pattern=r"^[0-9a-f]{32}$")


def begin(
    paths: StationPaths,
    title: str,
    parts: Sequence[BlindPart],
    people: tuple[str, Sequence[str]],
    trials: int,
) -> BlindStudy:
    """Write the study down, durably, with its digest for the log; `people` are who makes it and
    who judges. Raises UsageError for one that cannot be, StoreError.
    """
    made_by, appraisers = people
    check_size(len(parts), len(appraisers), trials)
    if len({each.is_good for each in parts}) < 2:
        raise UsageError(
            "all parts of the study are of one kind",
            hint="good and bad ones: from one kind alone nobody can tell misses from false alarms",
        )
    now = utc_now()
    study = BlindStudy(
        study_id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        title=title,
        made_by=made_by,
        made_at=now,
        parts=tuple(parts),
        appraisers=tuple(dict.fromkeys(appraisers)),
        trials=trials,
        key=secrets.token_hex(16),
    )
    content = _json({**asdict(study), "made_at": now.isoformat()})
    folder = _folder(paths, study.study_id)
    make_directories([folder])
    write_file(folder / _STUDY, content)
    _tell(paths, f"{_words(study)} begun", content, made_by)
    return study


def check_size(parts: int, appraisers: int, trials: int) -> None:
    """Raise UsageError unless a study may have so many of each."""
    for count, most, noun in (
        (parts, MOST_PARTS, "parts"),
        (appraisers, MOST_APPRAISERS, "appraisers"),
        (trials, MOST_TRIALS, "trials"),
    ):
        if not 1 <= count <= most:
            raise UsageError(f"a study has 1 to {most} {noun}, not {count}")


def load(paths: StationPaths, study_id: str) -> BlindStudy:
    """One study. Raises UsageError if there is none of that id, or it does not read."""
    try:
        if not _ID.fullmatch(study_id):
            raise ValueError(study_id)
        shape = _Study.model_validate_json((_folder(paths, study_id) / _STUDY).read_bytes())
    except (OSError, ValueError, ValidationError):
        raise UsageError(f"there is no study {study_id!r:.40}") from None
    values = shape.model_dump(exclude={"parts"})
    parts = tuple(BlindPart(each.part, each.is_good, tuple(each.frames)) for each in shape.parts)
    return BlindStudy(**{**values, "parts": parts, "appraisers": tuple(shape.appraisers)})


def all_studies(paths: StationPaths) -> list[BlindStudy]:
    """Those that read, the newest first."""
    found = []
    for path in sorted(_all(paths).glob(f"*/{_STUDY}"), reverse=True):
        try:
            found.append(load(paths, path.parent.name))
        except UsageError:
            continue
    return found


def finish(paths: StationPaths, study: BlindStudy, result: Mapping[str, object]) -> None:
    """Write down what came out, once: with it the study is over. Raises StoreError."""
    write_file(_folder(paths, study.study_id) / _RESULT, _json(dict(result)))


def result_of(paths: StationPaths, study: BlindStudy) -> dict[str, object] | None:
    """What came out; None while it is not over."""
    try:
        values: dict[str, object] = json.loads(
            (_folder(paths, study.study_id) / _RESULT).read_bytes()
        )
    except (OSError, ValueError):
        return None
    return values


def _words(study: BlindStudy) -> str:
    parts = f"{len(study.parts)} parts, {len(study.appraisers)} appraisers, {study.trials} trials"
    return f"blind study {study.study_id} ({study.title[:80]}): {parts}"


def _tell(paths: StationPaths, words: str, content: bytes, who: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    notices.leave(paths.notices, Occurrence(EventKind.MSA_STUDY, words, after=digest, who=who))


def _json(values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=1).encode()


def _all(paths: StationPaths) -> Path:
    return studies(paths) / "blind"


def _folder(paths: StationPaths, study_id: str) -> Path:
    return _all(paths) / study_id


def answers_of(paths: StationPaths, study: BlindStudy, who: str) -> Path:
    """The folder of what `who` says, a file for each picture."""
    return _folder(paths, study.study_id) / "answers" / who
