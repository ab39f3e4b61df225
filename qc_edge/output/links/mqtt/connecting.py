"""The first steps with a broker (TCP, TLS), on a thread of their own: paho waits in them, for
seconds each, and a stop must not.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from paho.mqtt.client import Client

from qc_edge.output.links.mqtt.tls import NamedContext

CONNECT_S = 3.0
"""What paho waits for the connection, and again for TLS (5 s for that before its version 2.2)."""


class Connecting:
    """One try; paho's own thread takes over where it succeeds. Used by the output's thread."""

    def __init__(
        self,
        client: Client,
        tls: NamedContext | None,
        place: tuple[str, int, int],
        ready: threading.Event,
    ) -> None:
        """`place`: host, port and keep-alive; `ready` is set where it fails."""
        self.fault = ""
        self._client, self._tls, self._place, self._ready = client, tls, place, ready
        self._begun_s = time.monotonic()
        self._lock = threading.Lock()
        self._is_done = self._is_given_up = False
        client.on_socket_open = self._on_socket_open
        threading.Thread(target=self._run, name="mqtt-connecting", daemon=True).start()

    @property
    def age_s(self) -> float:
        """Since when it tries."""
        return time.monotonic() - self._begun_s

    def give_up(self) -> bool:
        """Nothing comes of it any more. True if it is too late for that: paho's thread has taken
        over, and the client is to be ended.
        """
        with self._lock:
            self._is_given_up = True
            if not self._is_done and self._tls:
                self._tls.break_off()
            return self._is_done

    def _run(self) -> None:
        try:
            self._client.connect(*self._place)
        except (OSError, ValueError) as fault:
            self._fail(str(fault))
            return
        with self._lock:
            if not self._is_given_up:
                self._is_done = True
                self._client.loop_start()
                return
        self._fail("given up")

    def _fail(self, why: str) -> None:
        """paho leaves the connection open where the other end's certificate does not fit."""
        if self._tls:
            self._tls.hang_up()
        with suppress(OSError):
            wire = self._client.socket()
            if isinstance(wire, socket.socket):
                wire.close()
        self.fault = why
        self._ready.set()

    def _on_socket_open(self, _client: Client, _data: object, _wire: object) -> None:
        """Before anything is said: a client that was given up must not end the next one, which has
        its name.
        """
        if self._is_given_up:
            raise ConnectionAbortedError("given up")
