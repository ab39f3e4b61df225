"""systemd's notifications: READY, STATUS, WATCHDOG. Nothing is sent if systemd did not start it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os

from qc_edge.errors import QcEdgeError, SettingsError
from qc_edge.service.logs import log_line

NOT_RESTARTED = (65, 66, 77, 78)
"""Exit codes of faults that only a person can mend; the units have the same in
RestartPreventExitStatus=, so that systemd does not restart on them.
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
                # Not required: it has no wheel for aarch64, where Debian's python3-systemd is used.
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

    def status(self, text: str) -> None:
        """Set the line of `systemctl status`; sent only when it changes."""
        if text != self._status:
            self._status = text
            self.send(f"STATUS={text}")


def report_fatal_error(fault: QcEdgeError) -> bool:
    """Leave in `systemctl status` and in the journal why the service ends, and what to do.

    False, and nothing is said, if systemd did not start this process.
    """
    if "NOTIFY_SOCKET" not in os.environ:
        return False
    log_line(logging.CRITICAL, str(fault), event="fault")
    hint = f" · {fault.hint}" if fault.hint else ""
    if fault.exit_code in NOT_RESTARTED:
        status = (
            f"NOT RESTARTED BY ITSELF: {fault.message}{hint} · then: systemctl restart this unit"
        )
    else:
        status = f"FAILED, starts again: {fault.message}{hint}"
    # A newline would begin another assignment in systemd's protocol, hence the split and join. That
    # the module systemd is missing stands in the journal already.
    with contextlib.suppress(SettingsError):
        Notifier().status(" ".join(status.split()))
    return True
