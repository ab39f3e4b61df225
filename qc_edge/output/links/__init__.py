"""How words reach the line: one module for each protocol, looked up by its name in the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import FromLine, ToLine
from qc_edge.settings.outside.output import LineSettings


@dataclass(frozen=True, slots=True)
class Heard:
    """What the line had written at `at_ns` (CLOCK_MONOTONIC), all words as they stood then.

    `is_new`: with the first `reset` or `trigger` of a connection.
    """

    words: FromLine
    at_ns: int
    is_new: bool = False


class LineLink(Protocol):
    """One wire to the line. Used by one thread, except where it says otherwise."""

    def open(self, wake: Callable[[], None]) -> None:
        """Begin; `wake` is called, from any thread, whenever there is something to hear.

        Raises OutputError if it cannot; then it may be tried again.
        """

    def show(self, words: ToLine, result: Result | None) -> None:
        """What the line reads from now on, all at once, or the commit last. Does not block.

        `result` is the one that stands in the words, for a wire that can carry more of it.
        """

    def heard(self) -> list[Heard]:
        """What the line has written since the last call, in order. Raises OutputError where the
        wire is gone; then it is to be closed and opened again.
        """

    @property
    def peers(self) -> tuple[str, ...]:
        """The addresses that are connected, and what they are turned away for, in words. From any
        thread.
        """

    def close(self) -> None:
        """End; nobody reads anything any more. May be called twice, and opened again."""


LINKS = {
    "modbus": "qc_edge.output.links.modbus",
    "mqtt": "qc_edge.output.links.mqtt.link",
    "s7": "qc_edge.output.links.s7",
    "ethernetip": "qc_edge.output.links.ethernetip",
    "gpio": "qc_edge.output.links.digital.gpio",
    "camera": "qc_edge.output.links.digital.camera",
    "opcua": "qc_edge.output.links.opcua.link",
    "scripted": "qc_edge.output.links.scripted",
}
"""protocol -> module; each has `make_link(settings)`."""


def make_link(settings: LineSettings) -> LineLink:
    """The wire that the settings name. Raises OutputError if its library is missing."""
    link: LineLink = import_module(LINKS[settings.protocol]).make_link(settings)
    return link
