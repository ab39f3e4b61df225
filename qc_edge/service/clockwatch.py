"""`python -m qc_edge.service.clockwatch`: writes down whether the wall clock is synchronised.

Asking the kernel takes adjtimex(2), the system call that also sets the clock, so the units of the
stations forbid it. This process may ask and does nothing else. Run by qc-edge-clock.service.
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from qc_edge.service.synchronisation import (
    CLOCK_STATE_FILE,
    kernel_is_synchronised,
    write_clock_state,
)

_EVERY_S = 5.0


def watch(state_file: Path, stop: threading.Event) -> None:
    """Write the kernel's answer to `state_file` every 5 s until `stop`, then remove the file."""
    try:
        while True:
            if (synchronised := kernel_is_synchronised()) is not None:
                write_clock_state(state_file, synchronised)
            if stop.wait(_EVERY_S):
                return
    finally:
        state_file.unlink(missing_ok=True)


if __name__ == "__main__":
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch(CLOCK_STATE_FILE, stop)
