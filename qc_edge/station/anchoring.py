"""Anchoring: tells the head of the chain to somebody from whom the station cannot take it back.

Whoever owns the station's files can compute the whole log anew, hashes and all; what has been told
outside of them stays (docs/decisions/0028, docs/tampering.md). Reads nothing of what it told.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qc_edge.bundles.signing_key import public_text, read_private_key, sign
from qc_edge.domain.anchor import Anchor, ChainHead
from qc_edge.errors import SettingsError
from qc_edge.service.logs import log_message
from qc_edge.settings import Settings

CREDENTIAL = "anchor-key"
"""The systemd credential with the station's private key (PEM), see systemd.exec(5): systemd reads
it as root, from a file or sealed to the box's TPM, and shows it to this service alone.
"""


class AnchorSink(Protocol):
    """A place that keeps anchors."""

    def keep(self, anchor: Anchor) -> None:
        """Take the anchor; never blocks and never raises."""


class JournaldSink:
    """journald, where root alone could take a line back; without systemd, a line on stderr."""

    def keep(self, anchor: Anchor) -> None:
        """One message with the anchor's fields, whatever the level of the log is set to."""
        head = anchor.head
        log_message(f"anchor: row {head.seq} has the hash {head.sha256}", anchor.fields())


class Anchoring:
    """Anchors the chain of one station, whose newest row `head` tells. One thread at a time.

    Raises SettingsError if the settings want signatures and there is no key.
    """

    def __init__(
        self, settings: Settings, head: Callable[[], ChainHead], sinks: Sequence[AnchorSink]
    ) -> None:
        self._station = settings.station.name
        self._every_s = settings.anchor.every_s
        self._key = station_key(settings)
        self._head = head
        self._sinks = sinks
        self._anchored_seq = 0
        self._anchored_at = -self._every_s

    def look(self) -> None:
        """Anchor the head if it has moved and the last anchor is old enough."""
        now = time.monotonic()
        if now - self._anchored_at >= self._every_s:
            self._anchored_at = now
            self.anchor()

    def anchor(self) -> None:
        """Anchor the head now if it has moved: the rows up to it are durable already."""
        head = self._head()
        if head.seq == self._anchored_seq:  # 0 for a log without rows
            return
        self._anchored_seq = head.seq
        anchor = Anchor(self._station, head)
        if self._key:
            signature = sign(self._key, anchor.signed)
            anchor = replace(anchor, key=public_text(self._key), signature=signature)
        for sink in self._sinks:
            sink.keep(anchor)


def station_key(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> Ed25519PrivateKey | None:
    """The key that anchors are signed with; None where the settings want none.

    Raises SettingsError if there is none that can be used: a station that is to sign never runs
    without signing.
    """
    if not settings.anchor.sign:
        return None
    directory = environment.get("CREDENTIALS_DIRECTORY")
    hint = (
        f"systemctl edit qc-edge@{settings.station.name}: [Service] "
        f"LoadCredential={CREDENTIAL}:/etc/qc-edge/{CREDENTIAL}.pem; see docs/tampering.md"
    )
    if not directory:
        raise SettingsError(f"anchor.sign is true, and there is no {CREDENTIAL}", hint=hint)
    path = Path(directory) / CREDENTIAL
    try:
        return read_private_key(path.read_bytes())
    except OSError as fault:
        raise SettingsError(f"cannot read {path}: {fault.strerror}", hint=hint) from None
    except ValueError as fault:
        hint = f"make one: qc-edge model keygen /etc/qc-edge/{CREDENTIAL}.pem"
        raise SettingsError(f"the credential {CREDENTIAL} {fault}", hint=hint) from None
