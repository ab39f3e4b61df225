"""Faults of a real wire and of both its ends, one after the other."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from tests.output.running import Peer
from tests.output.wired_line import FAILS, WiredLine

LASTS_S = (0.02, 0.1, 0.3, 0.6)


class WireFaults:
    """Each call of a fault lasts for a while, on a thread of its own, beside the parts."""

    def __init__(self, line: WiredLine, chance: random.Random) -> None:
        self._line, self._chance = line, chance
        self.seen: Counter[str] = Counter()
        self._under_way: threading.Thread | None = None
        self._other: Peer | None = None
        self._calm = threading.Event()
        wire = line.wire
        self._wire_kinds: dict[str, Callable[[], object]] = {
            "cut": wire.cut,
            "frozen": lambda: wire.hold("there", "back"),
            "lost there": lambda: wire.hold("there"),
            "lost back": lambda: wire.hold("back"),
            "slow": lambda: wire.delay(chance.choice((0.005, 0.06, 0.25))),
            "storm": self._storm,
            "two masters": self._two_masters,
        }
        self._ends: dict[str, Callable[[], object]] = {
            "station restarted": line.station.restart,
            "controller restarted": line.program.begin_anew,
        }

    def begin(self, kind: str) -> None:
        """One of the wire begins after a moment and ends by itself; one of an end is over on
        return.
        """
        self.end()
        self.seen[kind] += 1
        if kind in self._ends:
            self._ends[kind]()
            return
        after_s, lasts_s = self._chance.choice((0.0, 0.005, 0.03)), self._chance.choice(LASTS_S)

        def play() -> None:
            self._calm.wait(after_s)
            self._wire_kinds[kind]()
            self._calm.wait(lasts_s)
            self._line.wire.heal()

        self._under_way = threading.Thread(target=play)
        self._under_way.start()

    def begin_any(self, without: tuple[str, ...] = ()) -> None:
        """Whichever comes."""
        kinds = [kind for kind in (*self._wire_kinds, *self._ends) if kind not in without]
        self.begin(self._chance.choice(kinds))

    def end(self) -> None:
        """The wire is whole."""
        if self._under_way:
            self._under_way.join(60)
            self._under_way = None
        other, self._other = self._other, None
        with suppress(*FAILS):
            if other is not None:
                other.close()

    def _storm(self) -> None:
        """Twenty connections that say nothing, and all others gone three times."""
        at = ("127.0.0.1", self._line.wire.port)
        for number in range(20):
            with suppress(OSError), socket.create_connection(at, 1):
                if number % 8 == 7:
                    self._line.wire.cut()
                    self._line.wire.heal()

    def _two_masters(self) -> None:
        """Another program writes too: a trigger, an acknowledge and now and then a reset."""
        with suppress(*FAILS):
            self._other = self._line.connect()
            foreign = {"trigger": self._chance.randint(1, 0xFFFF), "acknowledge": 1}
            if self._chance.random() < 0.3:
                foreign = {"reset": self._chance.randint(1, 9)}
            self._other.say(**foreign)
