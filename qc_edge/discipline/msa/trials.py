"""The trials of a study as CSV: one line for each time that somebody judged or measured a part."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qc_edge.errors import UsageError

GOOD_WORDS = frozenset({"good", "pass", "accept", "ok", "1", "yes", "go"})
BAD_WORDS = frozenset({"bad", "fail", "reject", "nok", "0", "no", "nogo", "defect", "invalid"})
_NEEDED = ("part", "appraiser", "trial")
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """One look at a part. `is_good` and `reference_is_good` are None, and `value` too, where the
    file does not say.
    """

    part: str
    appraiser: str
    trial: str
    is_good: bool | None
    reference_is_good: bool | None
    value: float | None


def read_trials(files: Sequence[Path], value: str = "") -> list[Trial]:
    """The trials of all files together. Columns part, appraiser, trial and result; reference; and
    `value`, the name of the column of a continuous figure. A file with part and reference alone
    says the truth of the others' parts. Raises UsageError that says where.
    """
    found: list[Trial] = []
    for file in files:
        found += _parse(_text(file), file.name, value)
    truth = {each.part: each.reference_is_good for each in found if not each.appraiser}
    looks = [
        replace(each, reference_is_good=truth.get(each.part))
        if each.reference_is_good is None
        else each
        for each in found
        if each.appraiser
    ]
    if not looks:
        raise UsageError("there is no trial in the file", hint=_HINT)
    if value and all(each.value is None for each in looks):
        raise UsageError(f"no trial has a value in the column {value}", hint=_HINT)
    _refuse_twice(looks)
    return looks


def read_truth(file: Path) -> dict[str, bool]:
    """What each part truly is: CSV with the columns part and reference. Raises UsageError."""
    return parse_truth(_text(file), file.name)


def parse_truth(text: str, name: str) -> dict[str, bool]:
    """As `read_truth`, of text that comes from `name`; the line with the names of the columns may
    be missing. Raises UsageError.
    """
    first = text.lstrip().partition("\n")[0].lower()
    if "reference" not in first:
        text = f"part{';' if first.count(';') > first.count(',') else ','}reference\n{text}"
    truth: dict[str, bool] = {}
    for each in _parse(text, name, ""):
        if each.reference_is_good is None:
            continue
        if truth.setdefault(each.part, each.reference_is_good) != each.reference_is_good:
            raise UsageError(
                f"{name} says of part {each.part} that it is good, and that it is bad",
                hint="one line a part",
            )
    if not truth:
        raise UsageError(f"{name} says of no part what it is", hint=_TRUTH_HINT)
    return truth


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"cannot read {file}: {fault}", hint="expected CSV, UTF-8") from None


_TRUTH_HINT = "expected CSV with the columns part and reference, which is good or bad"


_HINT = (
    "expected CSV with the columns part, appraiser, trial, result and reference; result and "
    "reference are good or bad"
)


def _parse(text: str, name: str, value: str) -> Iterator[Trial]:
    try:
        yield from _trials(text, name, value)
    except csv.Error as fault:
        raise UsageError(f"{name} is no CSV: {fault}", hint=_HINT) from None


def _trials(text: str, name: str, value: str) -> Iterator[Trial]:
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    columns = [(each or "").strip().lower() for each in reader.fieldnames or ()]
    wanted = value.strip().lower()
    is_truth = set(columns) & {"appraiser", "trial", "result"} == set() and "reference" in columns
    if is_truth:
        needed: tuple[str, ...] = ("part", "reference")
    else:
        needed = (*_NEEDED, *(["result"] if not wanted else []))
    if missing := [each for each in needed if each not in columns]:
        raise UsageError(
            f"{name} has no column {', '.join(missing)}; it has {', '.join(filter(None, columns))}",
            hint=_HINT,
        )
    for number, cells in enumerate(reader, start=2):
        line = {
            (key or "").strip().lower(): (cell or "").strip()
            for key, cell in cells.items()
            if not isinstance(cell, list)
        }
        where = f"{name}, line {number}"
        if not any(line.values()):
            continue
        if empty := [each for each in needed if each != "result" and not line.get(each)]:
            raise UsageError(f"{where}: {', '.join(empty)} is empty", hint=_HINT)
        yield Trial(
            line["part"],
            line.get("appraiser", ""),
            line.get("trial", ""),
            _word(line.get("result", ""), where),
            _word(line.get("reference", ""), where),
            _number(line.get(wanted, ""), where) if wanted else None,
        )


def _word(text: str, where: str) -> bool | None:
    word = text.lower()
    if word in GOOD_WORDS or word in BAD_WORDS:
        return word in GOOD_WORDS
    if word:
        raise UsageError(f"{where}: {text!r} is neither good nor bad", hint=_HINT)
    return None


def _number(text: str, where: str) -> float | None:
    try:
        number = float(text.replace(",", ".")) if text else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise UsageError(f"{where}: {text!r} is no number", hint="expected such as 12.5")
    return number


def _refuse_twice(trials: Sequence[Trial]) -> None:
    seen: set[tuple[str, str, str]] = set()
    for each in trials:
        key = (each.part, each.appraiser, each.trial)
        if key in seen:
            raise UsageError(
                f"trial {each.trial} of part {each.part} by {each.appraiser} is there twice",
                hint="number the trials of one appraiser: 1, 2, 3",
            )
        seen.add(key)


def complete(trials: Sequence[Trial]) -> tuple[list[str], list[str], list[str]]:
    """The parts, appraisers and trials, each in order of their first line. Raises UsageError if
    anybody lacks a trial of a part: what is missing is never made up.
    """
    parts = list(dict.fromkeys(each.part for each in trials))
    appraisers = list(dict.fromkeys(each.appraiser for each in trials))
    numbers = list(dict.fromkeys(each.trial for each in trials))
    there = {(each.part, each.appraiser, each.trial) for each in trials}
    missing = [
        f"part {part}, {appraiser}, trial {number}"
        for appraiser in appraisers
        for part in parts
        for number in numbers
        if (part, appraiser, number) not in there
    ]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise UsageError(
            f"{len(missing)} of {len(parts) * len(appraisers) * len(numbers)} trials are missing: "
            f"{'; '.join(missing[:_SHOWN])}{more}",
            hint="every appraiser judges every part equally often: add them, or leave the part out",
        )
    return parts, appraisers, numbers
