"""What clients write: their own words alone, within their bounds, one client at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError

from qc_edge.output.handshake.words import FromLine
from qc_edge.output.links import Heard
from qc_edge.output.links.opcua.nodes import fits
from qc_edge.output.links.opcua.security import OpcuaSession

_MOST_HEARD = 4096
_WRITER_NS = 5_000_000_000
"""A client that has not written for so long may be gone: another may write."""


class LineWrites:
    """Used by the server's loop; `heard` by the output's thread."""

    def __init__(self, names: Mapping[ua.NodeId, str], wake: Callable[[], None]) -> None:
        """`names`: the words that the line may write, by their nodes."""
        self._names, self._wake = names, wake
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._written = FromLine()
        self._writer: OpcuaSession | None = None
        self._written_ns = 0
        self._began_by: OpcuaSession | None = None
        """The session that wrote `reset` or `trigger` last."""

    def heard(self) -> list[Heard]:
        """What was written since the last call, in order."""
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    def check(self, event: Any, _service: Any) -> None:
        """Before a write of a client. Raises ServiceError."""
        if not event.is_external:
            return
        for each in event.request_params.NodesToWrite:
            name = self._names.get(each.NodeId)
            is_value = each.AttributeId == ua.AttributeIds.Value and not each.IndexRange
            if name is None or not is_value:
                raise ServiceError(ua.StatusCodes.BadNotWritable)
            if not fits(name, each.Value):
                raise ServiceError(ua.StatusCodes.BadOutOfRange)
        if refused := self.refusal(event.user):
            raise ServiceError(refused)

    def refusal(self, user: OpcuaSession) -> int | None:
        """Why this client may write nothing now, as a status code."""
        is_taken = self._writer is not None and self._writer.name != user.name
        if is_taken and time.monotonic_ns() - self._written_ns < _WRITER_NS:
            return ua.StatusCodes.BadResourceUnavailable
        if len(self._heard) >= _MOST_HEARD:
            return ua.StatusCodes.BadTooManyOperations
        return None

    def take(self, event: Any, _service: Any) -> None:
        """After it: what was written, with one request all at once."""
        if not event.is_external:
            return
        values = {
            self._names[each.NodeId]: each.Value.Value.Value
            for each, code in zip(
                event.request_params.NodesToWrite, event.response_params, strict=True
            )
            if code.is_good()
        }
        if values:
            self._put(event.user, values)

    def ask_for_recipe(self, user: OpcuaSession, number: int) -> None:
        """As if it had written 0 and then this number: what is asked for twice is two requests."""
        self._put(user, {"recipe": 0})
        self._put(user, {"recipe": number})

    def _put(self, writer: OpcuaSession, values: Mapping[str, int | str]) -> None:
        begins = not {"reset", "trigger"}.isdisjoint(values)
        is_new = begins and writer is not self._began_by
        before = FromLine() if is_new else self._written
        self._written = replace(before, **values)  # type: ignore[arg-type]
        self._writer, self._written_ns = writer, time.monotonic_ns()
        self._began_by = writer if begins else self._began_by
        with self._lock:
            self._heard.append(Heard(self._written, self._written_ns, is_new))
        self._wake()
