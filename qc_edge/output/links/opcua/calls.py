"""How asyncua calls a method, and what a client may bring it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asyncua import ua

Answer = list[ua.Variant] | ua.StatusCode
Method = Callable[..., Awaitable[Answer]]


def taking(method: Method, *kinds: ua.VariantType) -> Method:
    """`method` for arguments of these kinds alone; asyncua takes whatever a client sends."""

    async def checked(parent: ua.NodeId, *given: ua.Variant) -> Answer:
        if len(given) < len(kinds):
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadArgumentsMissing))
        if len(given) > len(kinds):
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTooManyArguments))
        for each, kind in zip(given, kinds, strict=True):
            if each.VariantType != kind or each.is_array:
                return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadInvalidArgument))
        return await method(parent, *given)

    return checked


async def not_supported(_parent: ua.NodeId, *_given: ua.Variant) -> Answer:
    """The answer of a method that does nothing."""
    return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotSupported))
