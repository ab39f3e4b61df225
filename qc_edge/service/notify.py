"""Tell systemd how the service is: READY, STATUS, WATCHDOG. Silent when systemd did not start it."""

from __future__ import annotations

import importlib
import os

from qc_edge.errors import SettingsError


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

    @property
    def watchdog_s(self) -> float | None:
        """systemd's watchdog interval (s), None if it does not watch."""
        usec = os.environ.get("WATCHDOG_USEC")
        return int(usec) / 1e6 if usec and self._notify else None

    def send(self, *assignments: str) -> None:
        """Send `READY=1`, `STATUS=...` and so on, as in sd_notify(3)."""
        if self._notify:
            self._notify("\n".join(assignments))

    def status(self, words: str) -> None:
        """The line of `systemctl status`; sent only when it changes."""
        if words != self._status:
            self._status = words
            self.send(f"STATUS={words}")
