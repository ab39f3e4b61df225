"""Anchors as systemd's journal has them: of this machine, of another one's disk, or exported.

Reads by journalctl, which knows every version of the journal's files. Judges no anchor.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from qc_edge.domain.anchor import FIELDS, MESSAGE_ID, Anchor

_OWN = Path("/var/log/journal")
_JOIN = (
    "sudo, or join the group systemd-journal: sudo usermod -aG systemd-journal USER, then log in "
    "again"
)
_EPOCH = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True, slots=True)
class KeptAnchor:
    """An anchor and what journald itself says of it: when it came (UTC), and from which unit.

    The unit is journald's word and not the sender's; it is empty for a process of no unit.
    """

    anchor: Anchor
    kept_at: datetime
    unit: str


@dataclass(slots=True)
class AnchorJournal:
    """systemd's journal: this machine's, or `place`, which is a directory of journal files, one
    such file, or the text that `journalctl -o json` wrote.

    `complaint` is what kept it from being read, in words, and `remedy` what to do; both are empty
    if nothing did.
    """

    place: Path | None = None
    complaint: str = field(default="", init=False)
    remedy: str = field(default="", init=False)
    damaged: int = field(default=0, init=False)
    """Messages that call themselves anchors and do not read."""

    @property
    def name(self) -> str:
        """The journal for a message."""
        return str(self.place) if self.place else "the system's journal"

    @property
    def is_sealed(self) -> bool | None:
        """Whether forward-secure sealing was set up for it; None where that cannot be seen."""
        directory = self.place or _OWN
        if not directory.is_dir():
            return None
        try:
            return any(directory.rglob("fss"))
        except OSError:
            return None

    def read(self, station: str) -> Iterator[KeptAnchor]:
        """The anchors of `station`, in the order in which they came."""
        lines = self._exported() if self._is_text() else self._journalctl(station)
        for line in lines:
            try:
                kept = _kept(json.loads(line), station)
            except (ValueError, KeyError, TypeError):
                self.damaged += 1
            else:
                if kept:
                    yield kept

    def _is_text(self) -> bool:
        return self.place is not None and self.place.is_file() and self.place.suffix != ".journal"

    def _exported(self) -> Iterator[str]:
        assert self.place is not None  # noqa: S101
        try:
            with self.place.open(encoding="utf-8", errors="replace") as file:
                yield from (line for line in file if line.strip())
        except OSError as fault:
            self.complaint = f"cannot be read: {fault.strerror}"
            self.remedy = "name a file or a directory that is there and that you may read"

    def _journalctl(self, station: str) -> Iterator[str]:
        fields = ",".join([*FIELDS, "_SYSTEMD_UNIT"])
        command = ["journalctl", "--output=json", "--no-pager", f"--output-fields={fields}"]
        if self.place is not None:
            kind = "--directory" if self.place.is_dir() else "--file"
            command.append(f"{kind}={self.place}")
        command += [f"MESSAGE_ID={MESSAGE_ID}", f"QC_EDGE_STATION={station}"]
        environment = os.environ | {"LC_ALL": "C", "SYSTEMD_COLORS": "0"}
        # Its complaints into a file: a pipe that nobody reads while the other one fills would hang.
        with tempfile.TemporaryFile("w+") as said:
            try:
                with subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=said, env=environment, text=True
                ) as running:
                    assert running.stdout is not None  # noqa: S101
                    yield from running.stdout
            except FileNotFoundError:
                self.complaint = "cannot be read: journalctl is not installed"
                self.remedy = "export it on the station: journalctl -o json > anchors.json"
                return
            said.seek(0)
            words = said.read().strip()
            if "insufficient permissions" in words or "not seeing messages" in words:
                self.complaint, self.remedy = "may not be read by this user", _JOIN
            elif running.returncode and words:
                self.complaint = f"cannot be read: {words.splitlines()[-1]}"


def _kept(message: dict[str, Any], station: str) -> KeptAnchor | None:
    """The anchor in one message of the journal; None if it is another message or station's."""
    if message.get("MESSAGE_ID") != MESSAGE_ID or message.get("QC_EDGE_STATION") != station:
        return None
    # A field that somebody gave twice, or that is no text, comes as a list.
    fields = {name: value for name, value in message.items() if isinstance(value, str)}
    at = _EPOCH + timedelta(microseconds=int(fields["__REALTIME_TIMESTAMP"]))
    return KeptAnchor(Anchor.of_fields(fields), at, fields.get("_SYSTEMD_UNIT", ""))
