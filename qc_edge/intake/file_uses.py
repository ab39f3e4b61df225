"""Which files of a watched directory are being written, as far as inotify tells."""

from __future__ import annotations

import threading
import time

_OPENED_WITHIN_S = 0.1
_BELIEVED_S = 600.0
"""An event may be lost: a file that did not change for so long is not taken for open any more."""


class FileUses:
    """The files that were made in sight and not closed since. Safe from any thread.

    For files of other users, which a station without privileges cannot take a lease on. On a file
    system that other machines write (not `local`), it says nothing. Openings and closings are not
    counted: the kernel makes one event of two that are alike.
    """

    def __init__(self, local: bool) -> None:
        self._is_local = local
        self._lock = threading.Lock()
        self._made: dict[str, float] = {}
        self._written: set[str] = set()

    def on_event(self, name: str, kind: str) -> None:
        """What watchdog says of `name`: "created", "opened", "closed" (after writing), "moved"."""
        with self._lock:
            if kind == "created":
                self._made[name] = time.monotonic()
            elif kind == "opened":
                # One call makes and opens. A link, by which some servers publish what is finished,
                # is made and not opened; whoever reads it comes later.
                made_at = self._made.pop(name, None)
                if made_at is not None and time.monotonic() - made_at < _OPENED_WITHIN_S:
                    self._written.add(name)
            else:
                self._made.pop(name, None)
                self._written.discard(name)

    def is_written(self, name: str, unchanged_s: float) -> bool:
        """Whether `name`, which did not change for `unchanged_s` seconds, is open for writing."""
        return self._is_local and unchanged_s < _BELIEVED_S and name in self._written

    def names(self) -> set[str]:
        """All names that something is known of."""
        with self._lock:
            return self._written | self._made.keys()

    def forget(self, names: set[str]) -> None:
        """These have gone: what is renamed while it is open is closed by another name."""
        with self._lock:
            self._written -= names
            for name in names & self._made.keys():
                del self._made[name]

    def clear(self) -> None:
        """Nothing is known."""
        with self._lock:
            self._made.clear()
            self._written.clear()
