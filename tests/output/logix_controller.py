"""A Logix controller that is not ours: cpppo's simulator, which tests/output/get_cpppo.sh brings,
in a process and an environment of its own. The test is the program in it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qc_edge.output.handshake.words import (
    FROM_LINE_WORDS,
    TO_LINE_WORDS,
    FromLine,
    ToLine,
    decode_to_line,
    encode,
)
from tests.output.ports import free_port
from tests.station.harness import wait_for

PROGRAM = Path(__file__).with_name("logix_simulator.py")


def _python() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = sorted((cache / "qc-edge-ci").glob("cpppo-*/.whole"))
    if not found:
        pytest.skip("needs tests/output/get_cpppo.sh")
    return found[-1].parent / "bin" / "python"


def _listens(port: int) -> bool:
    with socket.socket() as wire:
        return wire.connect_ex(("127.0.0.1", port)) == 0


class LogixController:
    """Two tags, as docs/plc/logix-tags.csv has them."""

    def __init__(self, tag: str = "QcEdge", words: int = TO_LINE_WORDS) -> None:
        port = free_port()
        self.settings = {"connect": f"127.0.0.1:{port}", "slot": 0, "poll_ms": 20.0}
        self._written = FromLine()
        to_line, from_line = (
            f"{tag}_ToLine=DINT[{words}]",
            f"{tag}_FromLine=DINT[{FROM_LINE_WORDS}]",
        )
        self._process = subprocess.Popen(
            [str(_python()), "-E", str(PROGRAM), str(port), to_line, from_line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        wait_for(lambda: _listens(port), "the simulator", 60, 0.05)

    def words(self) -> ToLine:
        """What the station has written."""
        return decode_to_line(self._ask({})["words"])

    def writes(self) -> list[tuple[int, int]]:
        """Of each write of the station, in order: where it began and how many words it had."""
        return [(first, count) for first, count in self._ask({})["writes"]]

    def say(self, **values: Any) -> None:
        """The program writes these; the others stay."""
        self._written = replace(self._written, **values)
        self.say_words(encode(self._written))

    def say_words(self, words: list[int]) -> None:
        """As it would write them itself."""
        self._ask({"say": words})

    @property
    def has_power(self) -> bool:
        """Until it was stopped."""
        return self._process.poll() is None

    def close(self) -> None:
        """The program ends; its memory stays."""

    def stop(self) -> None:
        """Without power."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
