"""Another acquisition node that drops one kind of input, and keeps the truth about each file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from tests.station.harness import Gray, encoded, part

CAMERAS = ("node-a", "node-b")
"""The nodes that have folders of their own in incoming/, and calibrations."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so about one file, whatever the station thinks of it.

    `name` is how the log prints it. `part_id` is the id that belongs to this very picture, None if
    its node gave none. `is_taken` is False for what is left alone and has no row, None where either
    is right. `pixels` (H x W uint8) are those that its node saw, None where they are not compared.
    `may_lose_id`: where parts are counted, it may be a counted one instead.
    """

    kind: str
    name: str
    may_be_accepted: bool
    part_id: str | None
    exposed_at: datetime
    is_taken: bool | None = True
    pixels: Gray | None = None
    may_lose_id: bool = False


@dataclass(slots=True)
class Node:
    """Drops the files of one kind into a station. `number` makes its names and ids its own.

    `until_idle` waits until the station has judged what was dropped so far. `truths` are those of
    all nodes so far.
    """

    paths: StationPaths
    kind: str
    number: int
    until_idle: Callable[[], None]
    truths: list[Truth]

    @property
    def part_id(self) -> str:
        """The id that only this node's part has."""
        return f"K{self.number}"

    def name(self, suffix: str = ".png") -> str:
        """A file name that only this node has, without an id in it."""
        return f"k{self.number}{suffix}"

    def picture(self, more: int = 0) -> Gray:
        """A good part's picture that only this node has; another for each `more`."""
        return part(seed=1000 + 10 * self.number + more)

    def png(self, more: int = 0) -> bytes:
        """`picture` as a file."""
        return encoded(self.picture(more), ".png")

    def put(self, name: str | bytes, data: bytes, at: float | None = None) -> Path:
        """Write a file into incoming/ by rename from a hidden name; `at` is its own time (s)."""
        path = self.paths.incoming / os.fsdecode(name)
        hidden = path.parent / f".{os.urandom(8).hex()}"
        hidden.write_bytes(data)
        if at is not None:
            os.utime(hidden, (at, at))
        hidden.rename(path)
        return path

    def sidecar(self, name: str, values: Mapping[str, Any] | bytes, suffix: str = ".json") -> None:
        """The sidecar of the image `name`; bytes are written as they are."""
        data = values if isinstance(values, bytes) else json.dumps(values).encode()
        self.put(str(Path(name).with_suffix("")) + suffix, data)

    def expect(
        self,
        name: str | bytes,
        may_be_accepted: bool,
        part_id: str | None = None,
        **more: Any,
    ) -> None:
        """Keep the truth about a file that is about to be there."""
        shown = os.fsdecode(name).encode("utf-8", "backslashreplace").decode()
        values = {"exposed_at": utc_now()} | more
        truth = Truth(self.kind, Path(shown).name, may_be_accepted, part_id, **values)
        self.truths.append(truth)

    def frame(self, data: bytes, may_be_accepted: bool, suffix: str = ".png", **more: Any) -> None:
        """Drop a frame with the sidecar that it should have: its part's id."""
        name = self.name(suffix)
        self.expect(name, may_be_accepted, self.part_id, **more)
        self.sidecar(name, {"part_id": self.part_id})
        self.put(name, data)


Maker = Callable[[Node], None]
"""Drops the files of one kind and keeps the truth about them."""
