"""Every language says everything, and nothing that no page shows."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from qc_edge.discipline.due.calendar import DueKind
from qc_edge.domain.challenges.rows import ChallengeOutcome
from qc_edge.domain.label import PersonRole
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict
from qc_edge.web.catalog import best_language, load_words
from tests.quality.tools import PACKAGE

WORDS = load_words()
CODES = {
    "duekind": [*DueKind],
    "reason": [*Reason, *HoldReason],
    "verdict": [*Verdict],
    "disposition": [*Disposition],
    "role": [*PersonRole],
    "outcome": [*ChallengeOutcome],
}


def used() -> set[str]:
    """The keys in templates and modules, those that are put together from a code left out."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (PACKAGE / "web").rglob("*")
        if path.suffix in {".html", ".py", ".js"}
    )
    keys = set(re.findall(r"""["']([a-z]+\.[A-Za-z_]+)["']""", text))
    return {
        key
        for key in keys
        if not key.endswith((".html", ".js", ".css", ".svg", ".json", ".pdf", ".csv"))
    }


@pytest.mark.parametrize("language", sorted(WORDS))
def test_a_language_has_every_text_with_the_same_places(language: str) -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    english, other = WORDS["en"].texts, WORDS[language].texts
    assert set(other) == set(english)
    assert [key for key in english if places(english[key]) != places(other[key])] == []
    assert all(text.strip() for text in other.values())


def test_what_a_page_says_is_in_the_catalog_and_nothing_else_is() -> None:
    keys = set(WORDS["en"].texts)
    grouped = {key for key in keys if key.partition(".")[0] in {*CODES, "nav", "look"}}
    assert {key for key in used() if key.partition(".")[0] in _groups(keys)} <= keys
    assert keys - used() - grouped == {"language"}


def test_every_code_of_the_log_has_its_words() -> None:
    for group, codes in CODES.items():
        assert {f"{group}.{code.value}" for code in codes} == {
            key for key in WORDS["en"].texts if key.startswith(f"{group}.")
        }


def test_a_browser_gets_the_language_it_likes_best() -> None:
    assert best_language("fr, de-AT;q=0.9, en;q=0.5", WORDS) == "de"
    assert best_language("fr", WORDS) == "en"
    assert best_language("de;q=x, en", WORDS) == "en"


def _groups(keys: set[str]) -> set[str]:
    return {key.partition(".")[0] for key in keys if "." in key}
