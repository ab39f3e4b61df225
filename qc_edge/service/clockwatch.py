"""`python -m qc_edge.service.clockwatch`: tells confined stations whether the wall clock is
synchronised.

Asking the kernel takes the system call that also sets the clock, which is closed to a station. This
process may ask; it does nothing else. Run by qc-edge-clock.service.
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from qc_edge.service.clock import CLOCK_SAID, ask_kernel, say_clock

_EVERY_S = 5.0


def watch(said: Path, stop: threading.Event) -> None:
    """Write what the kernel says to the file `said` every 5 s, until `stop`; then take the file
    away.
    """
    try:
        while True:
            if (synchronised := ask_kernel()) is not None:
                say_clock(said, synchronised)
            if stop.wait(_EVERY_S):
                return
    finally:
        said.unlink(missing_ok=True)


if __name__ == "__main__":
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    watch(CLOCK_SAID, told)
