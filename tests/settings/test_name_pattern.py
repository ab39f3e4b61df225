"""A part's id is found in a name by one group alone, whole names included, and at once."""

from __future__ import annotations

import time

import pytest

from qc_edge.domain.part_id import MOST_CHARACTERS, PartIdError, normalise_part_id
from qc_edge.settings.name_pattern import NamePattern, NamePatternError


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (r"^(?P<part>[^_]+)_", "48213_top.png", "48213"),
        (r"^(\d+)_", "48213_top.png", "48213"),
        (r"^(?P<lot>[^_]+)_(?P<part>[^_.]*)", "L7_48213.png", "48213"),
        (r"^(?P<lot>[^_]+)_(?P<part>[^_.]*)", "L7_.png", ""),
        (r"^(?:(?P<part>\d+)|none)_", "none_.png", ""),
        (r"^(?P<part>\d+)_", "top.png", None),
        (r"^(?P<part>\w+)_", "外观_1.png", None),
        (r"^(?P<part>[^_]+)_", "外观_1.png", "外观"),
    ],
)
def test_the_group_part_holds_the_id_and_no_other_stands_in(
    pattern: str, name: str, expected: str | None
) -> None:
    assert NamePattern(pattern).find(name) == expected


def test_a_name_that_nearly_fits_is_answered_at_once() -> None:
    pattern = NamePattern("^(?P<part>([A-Z0-9]+-?)+)_")
    began = time.perf_counter()
    assert pattern.find("20261127T190000-LINE4-PLANT07-SERIAL48213A" * 20 + ".png") is None
    assert time.perf_counter() - began < 5, "the same with Python's re takes longer than anyone has"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(?=a)b", "RE2"), ("(", "RE2"), (r"(a)\1", "RE2"), ("48213", "no group")],
)
def test_a_pattern_that_cannot_be_used_says_why(
    pattern: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NamePatternError, match=words):
        NamePattern(pattern)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "part_id"),
    [
        ("48213", "48213"),
        ("48213\r\n", "48213"),
        ("  A 7\t", "A 7"),
        ("Gru\N{COMBINING DIAERESIS}n", "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"),
        ("外观-1", "外观-1"),
        ("   ", None),
        ("", None),
        ("\r\n", None),
    ],
)
def test_an_id_is_trimmed_and_normalised(text: str, part_id: str | None) -> None:
    assert normalise_part_id(text) == part_id


@pytest.mark.parametrize(
    "text",
    [
        "A\x1b[2JB",
        "x\ny",
        "a\0b",
        "a\N{ZERO WIDTH SPACE}b",
        "a\N{RIGHT-TO-LEFT OVERRIDE}b",
        "a\udce4",
    ],
)
def test_an_id_with_what_nobody_sees_is_refused_and_shown_escaped(text: str) -> None:
    with pytest.raises(PartIdError) as refused:
        normalise_part_id(text)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


def test_an_id_has_an_end() -> None:
    assert normalise_part_id("9" * MOST_CHARACTERS) == "9" * MOST_CHARACTERS
    with pytest.raises(PartIdError, match="at most 200"):
        normalise_part_id("9" * (MOST_CHARACTERS + 1))
