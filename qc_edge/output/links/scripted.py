"""A wire that is none: the test is the line. The twin of every other protocol."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from qc_edge.errors import OutputError
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import FromLine, ToLine
from qc_edge.output.links import Heard
from qc_edge.output.offered_recipes import OfferedRecipe
from qc_edge.settings.outside.output import LineSettings


class ScriptedLink:
    """Words in memory. `refuse` makes `open` fail, `cut` a wire that is gone."""

    made: ClassVar[dict[str, ScriptedLink]] = {}
    """The newest of each output's name, for tests."""

    def __init__(self, name: str) -> None:
        self.made[name] = self
        self.refuse = ""
        self.cut = ""
        self.recipes: Callable[[], Sequence[OfferedRecipe]] = tuple
        self.words = ToLine()
        self._written = FromLine()
        self._heard: list[Heard] = []
        self._lock = threading.Lock()
        self._wake: Callable[[], None] = lambda: None
        self._is_open = False

    def offer(self, recipes: Callable[[], Sequence[OfferedRecipe]]) -> None:
        """For the test to ask."""
        self.recipes = recipes

    def open(self, wake: Callable[[], None]) -> None:
        """As scripted."""
        if self.refuse:
            raise OutputError(self.refuse)
        self._wake, self._is_open = wake, True

    def show(self, words: ToLine, _result: Result | None = None) -> None:
        """For the test to read."""
        self.words = words

    def heard(self) -> list[Heard]:
        """What the test has written."""
        if self.cut:
            raise OutputError(self.cut)
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    @property
    def peers(self) -> tuple[str, ...]:
        """The test, once it is open."""
        return ("a test",) if self._is_open else ()

    def close(self) -> None:
        """Nobody reads any more."""
        self._is_open, self.words = False, ToLine()

    def write(self, **values: Any) -> None:
        """The line writes these words; the others stay. From any thread."""
        with self._lock:
            self._written = replace(self._written, **values)
            self._heard.append(Heard(self._written, time.monotonic_ns()))
        self._wake()


def make_link(settings: LineSettings) -> ScriptedLink:
    """The twin."""
    return ScriptedLink(settings.name)
