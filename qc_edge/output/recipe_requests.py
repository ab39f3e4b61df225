"""Changeovers that a line asks for by number: requests like a person's, on the upkeep's thread.

A line can choose among approved recipes and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from qc_edge.domain.activation import Changeover
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import QcEdgeError
from qc_edge.recipe.changeover.request import request_changeover
from qc_edge.records import changeovers
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.upstream.releases.staged import refuse_revoked_recipe

_EVENT_EVERY_S = 10.0
"""Between two events of one output: a line may write another number each few milliseconds, and each
event waits for the disk.
"""


@dataclass(frozen=True, slots=True)
class RecipeRequest:
    """The recipe `number` that an output's line asks for; `refuse` tells it that it will not be."""

    output: str
    number: int
    may_ask: bool
    refuse: Callable[[int], None]


class RecipeRequests:
    """`ask` from any thread; `look` from one."""

    def __init__(self, paths: StationPaths, events: EventLog) -> None:
        self._paths = paths
        self._events = events
        self._asked: dict[str, RecipeRequest] = {}
        self._reported_s: dict[str, float] = {}
        self._pending: list[tuple[RecipeRequest, Changeover]] = []
        self._lock = threading.Lock()

    def ask(self, request: RecipeRequest) -> None:
        """Have it looked at within a second or so, unless its output asks for another before."""
        with self._lock:
            self._asked[request.output] = request

    def look(self, in_force: int) -> None:
        """Write requests, and tell lines whose requests were refused; never raises QcEdgeError.

        `in_force` is the number of the recipe that judges, 0 if there is none.
        """
        with self._lock:
            asked, self._asked = self._asked, {}
        for request in asked.values():
            if request.number != in_force:
                self._write(request)
        for request, record in list(self._pending):
            if changeovers.is_decided(self._paths.changeovers, record.record_id):
                self._pending.remove((request, record))
                try:
                    state = changeovers.state(self._paths.changeovers, record)
                except QcEdgeError as fault:  # the line sees which recipe judges all the same
                    LOG.error("%s", fault)
                    continue
                if state.startswith("refused"):  # the station has its event
                    request.refuse(request.number)

    def _write(self, request: RecipeRequest) -> None:
        reason = f"the line at {request.output} asked for recipe {request.number}"
        try:
            if not request.may_ask:
                raise QcEdgeError("its line may not: recipes = false in the settings")
            record = request_changeover(
                self._paths, request.number, request.output, reason, refuse_revoked_recipe
            )
        except QcEdgeError as fault:
            self._report(f"{reason}: {fault.message}", request.output)
            request.refuse(request.number)
            return
        LOG.info("%s", reason)
        self._pending.append((request, record))

    def _report(self, detail: str, output: str) -> None:
        now_s = time.monotonic()
        if now_s - self._reported_s.get(output, float("-inf")) < _EVENT_EVERY_S:
            LOG.warning("%s", detail)
            return
        self._reported_s[output] = now_s
        self._events.report(Occurrence(EventKind.RECIPE_REFUSED, detail, who=output))
