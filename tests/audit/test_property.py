"""Any one file or row under the state directory, altered by chance: `verify` names it."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from qc_edge.audit.verify import verify
from qc_edge.settings import StationPaths
from tests.audit.tampering import NOT_NAMED, is_excused, tamper
from tests.long.conftest import Keep, keep, share
from tests.station.harness import NAME, REPOSITORY

__all__ = ["keep", "share"]

SEED = 20261128
CASES = 16
MANY = 2_000


NAMED, EXCUSED, HARMLESS = "named", "need not be named", "holds what it held"


def check(kept: StationPaths, root: Path, seed: int) -> str:
    """Alter a copy of the station; what `verify` makes of it, or what is wrong with that."""
    shutil.copytree(kept.root, root, symlinks=True)
    try:
        paths = StationPaths(root, NAME)
        tampering = tamper(paths, random.Random(seed))
        report = verify(paths)
        texts = [f"{finding.where} {finding.what}" for finding in report.findings]
        if any(words in text for text in texts for words in tampering.words):
            return NAMED
        if is_excused(tampering.path):
            return EXCUSED
        if tampering.is_harmless():
            return HARMLESS
        return f"seed {seed}: {tampering}: verify says {texts or 'nothing'}"
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("number", range(CASES))
def test_whatever_is_altered_is_named(kept: StationPaths, tmp_path: Path, number: int) -> None:
    assert check(kept, tmp_path / "root", SEED + number) in (NAMED, EXCUSED, HARMLESS)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_whatever_is_altered_is_named_a_thousand_times(
    kept: StationPaths, tmp_path: Path, share: float, keep: Keep
) -> None:
    seeds = range(SEED + CASES, SEED + CASES + max(1, round(MANY * share)))
    came_out = Counter(check(kept, tmp_path / "root", seed) for seed in seeds)
    wrong = [words for words in came_out if words not in (NAMED, EXCUSED, HARMLESS)]
    figures = {
        "cases": len(seeds),
        "first_seed": seeds[0],
        "named": came_out[NAMED],
        "need_not_be_named": came_out[EXCUSED],
        "hold_what_they_held": came_out[HARMLESS],
        "not_named": wrong,
    }
    keep("tampering", figures)
    assert not wrong, "\n".join(wrong)


def test_the_page_says_why_of_each_file_that_need_not_be_named() -> None:
    page = (REPOSITORY / "docs/qa.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    told = {line.split("`")[1] for line in rows if line.count("|") == 3}
    assert set(NOT_NAMED) <= told
