"""Takes up what people ask of a station's challenges: rows first, and only then the request goes.

Runs on the station's thread for upkeep.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from qc_edge.challenge import drop, rows
from qc_edge.challenge.challenges import Challenges
from qc_edge.challenge.request import MAY_OVERRIDE, MAY_REGISTER, ChallengeRequest
from qc_edge.domain.challenges.rows import ChallengeOutcome
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import RecordError, StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.log import challenge_lookups as lookups
from qc_edge.vision import UnreadableFrameError

_STALE = timedelta(minutes=5)
"""A request to begin or override is for the moment: one that lay about for longer is refused."""

_MOST = 20
"""In one look: each is an event."""


class ChallengeTaker:
    """Used by one thread."""

    def __init__(self, challenges: Challenges) -> None:
        self._challenges = challenges
        self._stuck: set[str] = set()
        """Refused, and not to be moved: said once."""
        self._last_error = ""

    def look(self) -> None:
        """Take up what waits, then see how challenges stand; never raises StoreError."""
        try:
            self._look()
            self._last_error = ""
        except StoreError as fault:
            if str(fault) != self._last_error:
                LOG.error("requests about challenges wait: %s", fault)
            self._last_error = str(fault)
        self._challenges.look()

    def _look(self) -> None:
        paths = self._challenges.stores.paths
        waiting = drop.waiting(paths)
        self._stuck &= {path.name for path in waiting}
        for path in waiting[:_MOST]:
            if path.name in self._stuck:
                continue
            try:
                self._take(drop.read(path, paths.name))
            except (RecordError, UnreadableFrameError) as fault:
                self._refuse(path, fault)
            except FileNotFoundError:
                continue
            else:
                drop.retire(path)

    def _take(self, request: ChallengeRequest) -> None:
        """Raises RecordError for what may not be, StoreError."""
        if request.kind == "register":
            self._enter(request)
        elif utc_now() - request.said_at > _STALE:
            raise RecordError("it was asked too long ago: ask again")
        elif request.kind == "run":
            self._begin(request)
        else:
            self._override(request)

    def _enter(self, request: ChallengeRequest) -> None:
        entry, challenges = request.entry, self._challenges
        assert entry is not None  # noqa: S101
        if request.role not in MAY_REGISTER:
            raise RecordError(f"{request.who} may not change the register: engineer or quality may")
        ask = challenges.stores.ledger.ask
        if ask(lambda log: lookups.known_records(log, [request.record_id])):
            return  # its row stands; the station was ended before the request went
        paths = challenges.stores.paths
        if fault := drop.photograph_fault(paths, entry.photograph, entry.photograph_sha256):
            raise RecordError(f"{entry.serial}: {fault}")
        same_id = challenges.register.recognise(entry.recipe, entry.part_id)
        if same_id and same_id.serial != entry.serial and not entry.retired:
            raise RecordError(f"the id {entry.part_id} is that of {same_id.serial} already")
        stamp = challenges.stores.clock.stamp("challenge")
        row = rows.entry(paths.name, request, stamp.frame_id)
        challenges.write(row)
        challenges.read()
        what = "retired" if entry.retired else f"must be {entry.expected}"
        recipe = f" for {entry.recipe}" if entry.recipe else ""
        until = f"certified by {entry.certified_by} until {entry.valid_until:%Y-%m-%d}"
        detail = f"{entry.serial}{recipe}: {what}; {until}"
        challenges.tell(EventKind.CHALLENGE_PART, detail, request.who, request.why)

    def _begin(self, request: ChallengeRequest) -> None:
        challenges = self._challenges
        recipe = challenges.judged_by.recipe
        parts, now = challenges.register.set_of(recipe), utc_now()
        if not parts:
            raise RecordError(f"no part is registered for {recipe or 'this station'}")
        known = {each.serial for each in parts}
        if foreign := [serial for serial in request.order if serial not in known]:
            raise RecordError(f"{foreign[0]} is no part of the set: {', '.join(sorted(known))}")
        if len(set(request.order)) != len(request.order):
            raise RecordError("a part stands in the order twice")
        if request.order and (lacking := known - set(request.order)):
            raise RecordError(f"{', '.join(sorted(lacking))} of the set is not in the order")
        if faults := [f"{each.serial}: {fault}" for each in parts if (fault := each.fault(now))]:
            raise RecordError(f"{'; '.join(faults)}; register it anew or retire it")
        challenges.begin(request.who, challenges.state.due or "asked for", request.order)

    def _override(self, request: ChallengeRequest) -> None:
        challenges = self._challenges
        if request.role not in MAY_OVERRIDE:
            raise RecordError(f"{request.who} may not override a challenge: quality may")
        if not request.why:
            raise RecordError("an override needs a reason")
        if not challenges.state.due and challenges.run is None:
            raise RecordError("no challenge is due")
        challenges.end(ChallengeOutcome.OVERRIDDEN, request.who, str(request.role), request.why)

    def _refuse(self, path: Path, fault: RecordError | UnreadableFrameError) -> None:
        """Say why in the log, then move the request out of the way. Raises StoreError."""
        why = fault.message if isinstance(fault, RecordError) else fault.detail
        stores = self._challenges.stores
        detail = f"the request {path.name[:120]!r} is set aside: {why[:500]}"
        stores.events.record([Occurrence(EventKind.CHALLENGE_REFUSED, detail)])
        drop.note_refusal(stores.paths, path, why[:500])
        try:
            drop.set_aside(stores.paths, path)
        except StoreError as stuck:
            self._stuck.add(path.name)
            LOG.error("%s", stuck)
