"""Who may connect to the OPC UA server: users, certificates and addresses; nobody is anonymous."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from qc_edge.errors import OutputError
from qc_edge.output.credentials import needed
from qc_edge.output.links.keepalive import end_when_dead
from qc_edge.output.links.opcua.sessions import LineServer

POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
RULES = SimpleRoleRuleset()  # type: ignore[no-untyped-call]
_MOST_CONNECTIONS = 8
_MOST_UNREAD = 1 << 20
"""Bytes that one client has not read."""


class OpcuaSession(User):
    """One session of a user: another object for each, so that a program that began anew shows."""


class OpcuaUsers:
    """User and password, as asyncua asks for them."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords

    def get_user(
        self,
        _server: Any,
        username: str | None = None,
        password: str | bytes | None = None,
        **_more: Any,
    ) -> OpcuaSession | None:
        """A new session; None if there is no such user, or the password is another."""
        given = password.encode() if isinstance(password, str) else password or b""
        known = self._passwords.get(username or "", "").encode()
        if not known or not hmac.compare_digest(given, known):
            return None
        return OpcuaSession(UserRole.User, username)


def read_users(output: str) -> OpcuaUsers:
    """The credential OUTPUT.users: lines USER:PASSWORD. Raises OutputError."""
    lines = needed(output, "users", "who may log in").decode("utf-8", "replace").splitlines()
    found = [line.partition(":") for line in lines if line.strip()]
    if not all(user and password for user, _, password in found):
        raise OutputError(
            f"the credential {output}.users is none", hint="expected lines USER:PASSWORD"
        )
    return OpcuaUsers({user: password for user, _, password in found})


def read_trusted(output: str) -> frozenset[bytes]:
    """The certificates (DER) in the credential OUTPUT.trusted, which has them as PEM."""
    raw = needed(output, "trusted", "the certificates of clients, or client_certificates = false")
    try:
        found = x509.load_pem_x509_certificates(raw)
    except ValueError:
        raise OutputError(
            f"the credential {output}.trusted is no certificate", hint="expected PEM"
        ) from None
    return frozenset(each.public_bytes(Encoding.DER) for each in found)


def only_these(trusted: frozenset[bytes]) -> Any:
    """A validator for asyncua that refuses any other client's certificate."""

    async def validate(certificate: x509.Certificate, _application: Any) -> None:
        if certificate.public_bytes(Encoding.DER) not in trusted:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    return validate


class Door:
    """Which addresses may connect at all, and how many were turned away; used by its loop."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self.turned_away: dict[str, int] = {}

    def admits(self, address: str, here: int) -> bool:
        """Whether it may stay beside as many others as are `here`."""
        if address in self._allowed and here < _MOST_CONNECTIONS:
            return True
        if address in self.turned_away or len(self.turned_away) < _MOST_CONNECTIONS:
            self.turned_away[address] = self.turned_away.get(address, 0) + 1
        return False


class _GuardedProtocol(OPCUAProtocol):
    """asyncua's connection, behind a door."""

    def __init__(self, door: Door, server: BinaryServer) -> None:
        super().__init__(
            server.iserver, server._policies, server.clients, server.closing_tasks, server.limits
        )
        self._door = door

    def connection_made(self, transport: Any) -> None:
        """Go on, or hang up."""
        if self._door.admits(transport.get_extra_info("peername")[0], len(self.clients)):
            end_when_dead(transport.get_extra_info("socket"))
            super().connection_made(transport)
            if self.processor is not None:
                # A session is what a connection is to Modbus: asyncua would keep it, with what it
                # has subscribed, for minutes after its connection is gone.
                gone = "_should_close_session_on_transport_loss"
                setattr(self.processor, gone, lambda: True)
        else:
            transport.abort()

    def connection_lost(self, ex: BaseException | None) -> None:
        """Of one that was let in."""
        if self.transport is not None:
            super().connection_lost(ex)


class _GuardedBinaryServer(BinaryServer):
    door: Door

    def _make_protocol(self) -> OPCUAProtocol:
        return _GuardedProtocol(self.door, self)


class GuardedServer(Server):
    """asyncua's server with a door of ours, and nobody but its users."""

    def __init__(self, users: OpcuaUsers, door: Door) -> None:
        super().__init__(LineServer(users))
        self._door = door

    async def start(self) -> None:
        """As asyncua's own, with connections that the door has admitted."""
        await self._setup_server_nodes()
        await self.iserver.start()
        try:
            host, port = self.endpoint.hostname or "", self.endpoint.port or 0
            self.bserver = server = _GuardedBinaryServer(self.iserver, host, port, self.limits)
            server.door = self._door
            server.set_policies(self._policies)
            await server.start()
        except OSError:
            await self.iserver.stop()
            raise

    def hang_up_on_who_reads_nothing(self) -> None:
        """What waits for such a client would fill the memory."""
        for each in list(self.bserver.clients) if self.bserver else []:
            wire = each.transport
            if wire is not None and wire.get_write_buffer_size() > _MOST_UNREAD:
                wire.abort()
