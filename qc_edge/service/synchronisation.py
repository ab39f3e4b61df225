"""Whether something (NTP, PTP) disciplines the wall clock: the kernel's answer, asked or read.

Never sets a clock.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from qc_edge.service.synced_file import replace_file

_TIME_ERROR = 5
"""adjtimex(2) returns TIME_ERROR where nothing disciplines the clock."""

_FRESH_NS = 30_000_000_000
"""The answer of `clockwatch`, written every 5 s, counts for this long (ns)."""

CLOCK_STATE_FILE = Path("/run/qc-edge-clock/synchronised")
"""Where qc-edge-clock.service leaves the kernel's answer for the stations."""


def is_synchronised() -> bool:
    """True if something (NTP, PTP) disciplines the wall clock.

    The kernel knows. A station's unit may not ask it, since adjtimex, which also sets the clock, is
    closed to it by ProtectClock=: there it is what `qc_edge.service.clockwatch` last wrote.
    """
    answer = kernel_is_synchronised()
    return _read_clock_state(CLOCK_STATE_FILE) if answer is None else answer


def kernel_is_synchronised() -> bool | None:
    """Whether the kernel calls the wall clock synchronised, see adjtimex(2); None if asking is
    forbidden.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    query = ctypes.create_string_buffer(256)  # struct timex, zeroed: modes = 0 only asks
    state = int(libc.adjtimex(query))
    return None if state < 0 else state < _TIME_ERROR


def write_clock_state(state_file: Path, synchronised: bool) -> None:
    """Write the kernel's answer to `state_file`, dated by the clock that is never stepped."""
    replace_file(state_file, f"{int(synchronised)} {time.monotonic_ns()}".encode(), mode=0o644)


def _read_clock_state(state_file: Path) -> bool:
    """The answer in `state_file`; False if there is none, or none that is fresh."""
    try:
        answer, at_ns = state_file.read_text(encoding="ascii").split()
        return answer == "1" and 0 <= time.monotonic_ns() - int(at_ns) < _FRESH_NS
    except (OSError, ValueError):
        return False
