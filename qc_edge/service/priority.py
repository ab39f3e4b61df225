"""Priorities of threads: upkeep goes behind the line, on the processor and at the disk.

See decision 0019 for what was measured.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import sys
import threading

from qc_edge.service.logs import log_line

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""Numbers of the system call ioprio_set, which neither libc nor Python has a function for."""
_WHO_PROCESS = 1
_BEST_EFFORT_LAST = 2 << 13 | 7
"""IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7), see ioprio_set(2): behind the class "realtime", which the
unit gives to the station. Not "idle": what is in that class may wait for seconds, and with it the
file system's journal, which a frame's fsync waits for.
"""


_TURN_S = 0.0005


def take_short_turns() -> None:
    """Let no thread of this process keep the interpreter from the others for longer than 0.5 ms.

    Niceness does not reach there: who waits for the interpreter waits 5 ms each time that another
    thread computes in Python (sys.setswitchinterval), and a frame asks for it many times. Beside
    control charts in the making, a frame's reading, digest and figures took 7 to 9 ms in the
    median instead of 13 to 18 (2 cores, both busy; 3 to 6 alone).
    """
    sys.setswitchinterval(_TURN_S)


def lower_priority(nice: int) -> None:
    """Put the calling thread, and the threads it starts, behind the line.

    On the processor with that niceness (-20..19), unless it is nicer already; at the disk with the
    last of the ordinary priorities. Where the latter is refused the log says so, and the thread
    works as before.
    """
    # On Linux both are properties of a thread, although POSIX has niceness for a process.
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
    number = _IOPRIO_SET.get(platform.machine(), -1)  # -1: ENOSYS
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, _WHO_PROCESS, thread, _BEST_EFFORT_LAST) < 0:
        who, reason = threading.current_thread().name, os.strerror(ctypes.get_errno())
        log_line(
            logging.WARNING,
            f"{who} could not step back at the disk ({reason}): there it rivals capture",
        )
