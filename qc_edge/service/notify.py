"""Tell systemd how the service is: READY, STATUS, WATCHDOG. Silent when systemd did not start
it.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os

from qc_edge.errors import QcEdgeError, SettingsError
from qc_edge.service.logs import log_line

NOT_RESTARTED = (65, 78)
"""Exit codes that only a person can mend: systemd does not restart on them
(RestartPreventExitStatus=).
"""


class Notifier:
    """systemd's notification socket. Without NOTIFY_SOCKET every call does nothing.

    Raises SettingsError when systemd waits for a notification that could never be sent.
    """

    def __init__(self) -> None:
        self._status = ""
        self._notify = None
        if "NOTIFY_SOCKET" in os.environ:
            try:
                daemon = importlib.import_module("systemd.daemon")
            except ImportError:
                raise SettingsError(
                    "systemd waits for READY=1, but the Python module systemd is not installed",
                    hint="apt install python3-systemd (and a venv with --system-site-packages), "
                    "or pip install 'qc-edge[systemd]'",
                ) from None
            self._notify = daemon.notify

    def send(self, *assignments: str) -> None:
        """Send `READY=1`, `STATUS=...` and so on, as in sd_notify(3)."""
        if self._notify:
            self._notify("\n".join(assignments))

    def status(self, words: str) -> None:
        """The line of `systemctl status`; sent only when it changes."""
        if words != self._status:
            self._status = words
            self.send(f"STATUS={words}")


def report_fatal_error(fault: QcEdgeError) -> bool:
    """Leave in `systemctl status` and in the journal why the service ends, and what to do.

    False, and nothing is said, if systemd did not start this process.
    """
    if "NOTIFY_SOCKET" not in os.environ:
        return False
    log_line(logging.CRITICAL, str(fault), event="fault")
    hint = f" · {fault.hint}" if fault.hint else ""
    if fault.exit_code in NOT_RESTARTED:
        words = (
            f"NOT RESTARTED BY ITSELF: {fault.message}{hint} · then: systemctl restart this unit"
        )
    else:
        words = f"FAILED, starts again: {fault.message}{hint}"
    with contextlib.suppress(
        SettingsError
    ):  # systemd's module is missing: that stands in the journal
        Notifier().status(" ".join(words.split()))
    return True
