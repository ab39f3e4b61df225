"""An encrypted connection to a broker that is called by its address and known by its name."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

from qc_edge.errors import OutputError
from qc_edge.output.credentials import credential


class NamedContext(ssl.SSLContext):
    """Holds the certificate against a name instead of the address that is called."""

    name = ""
    _wire: ssl.SSLSocket | None = None

    def wrap_socket(self, sock: Any, *more: Any, **given: Any) -> ssl.SSLSocket:
        """As paho calls it."""
        named = {**given, "server_hostname": self.name}
        self._wire = super().wrap_socket(sock, *more, **named)
        return self._wire

    def break_off(self) -> None:
        """From another thread: who waits in the handshake waits no more."""
        if self._wire:
            with suppress(OSError):
                # Of the plain socket: SSLSocket's own takes away what the handshake stands on.
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """paho leaves the connection open where the other end's certificate does not fit."""
        if self._wire:
            self._wire.close()


def tls_context(output: str, name: str) -> NamedContext:
    """By the credential OUTPUT.ca, else by the machine's own authorities. Raises OutputError."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.name = name
    if (trusted := credential(output, "ca")) is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=trusted.decode("ascii"))
    except (ssl.SSLError, ValueError) as fault:
        raise OutputError(
            f"the credential {output}.ca is no certificate: {fault}", hint="expected PEM"
        ) from None
    return context
