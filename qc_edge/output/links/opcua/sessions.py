"""Sessions of clients, with a name for who calls a method and bounds on what they may keep busy."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import User
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

caller: ContextVar[User | None] = ContextVar("caller", default=None)
"""The user of the session that calls a method: asyncua itself tells a method nothing of it."""

_LEAST_INTERVAL_MS = 10.0
_MOST_SUBSCRIPTIONS = 32
_MOST_QUEUED = 1024


class LineSession(InternalSession):
    """One session of a client."""

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """With the caller known to the methods."""
        caller.set(self.user)
        return await super().call(params)

    async def create_subscription(
        self, params: ua.CreateSubscriptionParameters, *more: Any, **given: Any
    ) -> ua.CreateSubscriptionResult:
        """As often as it likes, down to every 10 ms: asyncua would take 0 for as fast as the
        processor goes.
        """
        wanted = params.RequestedPublishingInterval
        # Not by max(): a client may ask for NaN.
        is_slow = wanted >= _LEAST_INTERVAL_MS
        params.RequestedPublishingInterval = wanted if is_slow else _LEAST_INTERVAL_MS
        return await super().create_subscription(params, *more, **given)


class LineServer(InternalServer):
    """What stands behind asyncua's server."""

    def __init__(self, users: Any) -> None:
        super().__init__(user_manager=users)
        self.max_subscriptions = _MOST_SUBSCRIPTIONS
        self.max_monitored_item_queue_size = _MOST_QUEUED
        self.max_unacked_messages_per_subscription = _MOST_QUEUED

    def create_session(
        self, name: str, user: User | None = None, external: bool = False
    ) -> InternalSession:
        """Of a client, or asyncua's own."""
        given = {} if user is None else {"user": user}
        return LineSession(
            self, self.aspace, self.subscription_service, name, external=external, **given
        )
