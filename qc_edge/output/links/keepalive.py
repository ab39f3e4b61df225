"""Connections whose other end has gone without a word: else they would take the place of others."""

from __future__ import annotations

import socket


def end_when_dead(wire: socket.socket) -> None:
    """Have the kernel end a connection whose other end has gone without a word: in about 11 s."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)
