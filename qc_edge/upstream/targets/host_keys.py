"""Which key of an SSH server is the right one: pinned by its fingerprint, or in a known_hosts file.

Nothing is trusted at first sight, and nothing is ever added to that file here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qc_edge.errors import UpstreamError

_PLAIN_KEYS = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
)
"""No certificates: a fingerprint is of a key."""


@dataclass(slots=True)
class HostKeys:
    """The keys that are right for one server; `seen` are those that it showed and that are not."""

    host: str
    port: int
    pinned: Sequence[str]
    known_hosts: Path
    seen: list[str] = field(default_factory=list)

    def options(self) -> dict[str, Any]:
        """What asyncssh is to be given. Raises UpstreamError if the file cannot be read."""
        if self.pinned:
            # Without any key that is known asyncssh asks `accepts` about each.
            return {"known_hosts": ([], [], []), "server_host_key_algs": _PLAIN_KEYS}
        # Never empty: asyncssh would take ~/.ssh/known_hosts instead.
        nothing = b"#\n"
        try:
            return {"known_hosts": self.known_hosts.read_bytes() or nothing}
        except FileNotFoundError:
            return {"known_hosts": nothing}
        except OSError as fault:
            raise self.unreadable(fault.strerror) from None

    def unreadable(self, why: str | None) -> UpstreamError:
        """The error for a file that cannot be read, or is none of known hosts."""
        return UpstreamError(
            f"cannot read {self.known_hosts}: {why}",
            hint="the key of the SFTP server is expected there, or in upstream.host_keys",
        )

    def accepts(self, kind: str, fingerprint: str) -> bool:
        """True for a key that is pinned; called for one that known_hosts has not."""
        if fingerprint in self.pinned:
            return True
        self.seen.append(f"{kind} {fingerprint}")
        return False

    def refusal(self, was_known: bool) -> UpstreamError:
        """The error for a server that showed another key; `was_known`: the file has one for it."""
        place = f"{self.host} port {self.port}"
        shown = ", ".join(self.seen) or "a key that is revoked"
        ask = "compare it with whoever runs the server (there: ssh-keygen -lf FILE.pub)"
        if self.pinned:
            return UpstreamError(
                f"the host key of {place} is {shown}, expected {' or '.join(self.pinned)}: it has "
                "changed, or another server answers",
                hint=f"nothing was sent; {ask}, then set upstream.host_keys",
            )
        if was_known:
            return UpstreamError(
                f"the host key of {place} is {shown} and not what {self.known_hosts} has: it has "
                "changed, or another server answers",
                hint=f"nothing was sent; {ask}, then replace its line there",
            )
        return UpstreamError(
            f"the host key of {place} is not known: {shown} is not in {self.known_hosts}",
            hint=f"{ask}, then set upstream.host_keys or add what ssh-keyscan prints",
        )
