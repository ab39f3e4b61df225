"""The words of the page in each language: `words/LANGUAGE.toml`, all with the same keys.

Another language is another file. Codes of the log (`late`, `low_focus`) have their words there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from qc_edge.settings import toml

DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its code, its name in itself, and its words by dotted key."""

    language: str
    name: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key` with `values` in their places. Raises KeyError for a key that is none.

        The result is plain text: markup in a value is escaped where the text is shown.
        """
        return self.texts[key].format(**values)

    def code(self, group: str, code: str | None) -> str:
        """The words for a code of the log, or the code itself: a later version may have others."""
        return self.texts.get(f"{group}.{code}", code or "") if code else ""


def load_words() -> dict[str, Words]:
    """Every language that there is, by its code."""
    catalogs = (
        each for each in files("qc_edge.web.words").iterdir() if each.name.endswith(".toml")
    )
    words = {}
    for catalog in sorted(catalogs, key=lambda each: each.name):
        texts = dict(_flat(toml.loads(catalog.read_text(encoding="utf-8"))))
        language = catalog.name.removesuffix(".toml")
        words[language] = Words(language, texts["language"], texts)
    return words


def best_language(accepted: str, known: Mapping[str, object]) -> str:
    """The known language that a browser likes best, from its Accept-Language."""
    wishes = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.partition(";q=")
        try:
            wishes.append((-float(weight or 1), tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return next(
        (tag for _, tag in sorted(wishes, key=lambda wish: wish[0]) if tag in known), DEFAULT
    )


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
