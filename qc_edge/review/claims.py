"""Who is looking at which part just now, so that two people do not do the same.

One file, replaced as a whole under a lock; a claim ends by itself. What a crash loses is a claim.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from qc_edge.errors import RightsError, UsageError
from qc_edge.service.owner import acting_as_owner_of_place
from qc_edge.service.synced_file import replace_unsynced
from qc_edge.settings import StationPaths
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import write_file

_MODE = 0o660
_MOST_BYTES = 4 << 20


class _Claim(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str
    until: AwareDatetime


_CLAIMS = TypeAdapter(dict[str, _Claim])


@dataclass(frozen=True, slots=True)
class ReviewClaim:
    """A frame that is kept for a person `until` then (aware UTC)."""

    frame_id: str
    by: str
    until: datetime


class ReviewClaims:
    """The claims of a station. Any thread and any process may claim."""

    def __init__(self, paths: StationPaths) -> None:
        self._file = paths.review / "claims.json"

    def standing(self, now: datetime) -> Mapping[str, ReviewClaim]:
        """Those that have not ended, by frame."""
        return {
            frame: ReviewClaim(frame, claim.by, claim.until)
            for frame, claim in self._read().items()
            if claim.until > now
        }

    def claim(self, frame_id: str, by: str, now: datetime, minutes: float) -> ReviewClaim:
        """Keep the frame for `by`; of one's own, anew. Raises UsageError if it is another's,
        RightsError or StoreError.
        """
        until = now + timedelta(minutes=minutes)
        with self._locked():
            claims = {name: each for name, each in self._read().items() if each.until > now}
            if (held := claims.get(frame_id)) and held.by != by:
                raise UsageError(
                    f"{held.by} looks at {frame_id} until {held.until:%H:%M:%S} (UTC)",
                    hint="take the next one: qc-edge review NAME next --by YOU",
                )
            claims[frame_id] = _Claim(by=by, until=until)
            self._write(claims)
        return ReviewClaim(frame_id, by, until)

    def release(self, frame_id: str, by: str) -> None:
        """Give a frame back that `by` has claimed. Raises as `claim`."""
        with self._locked():
            claims = self._read()
            if (held := claims.get(frame_id)) and held.by == by:
                del claims[frame_id]
                self._write(claims)

    def _write(self, claims: dict[str, _Claim]) -> None:
        # A sync takes 10 ms, and many times that beside a busy line; nobody waits for a claim's.
        temporary = self._file.with_name(f".{self._file.name}.tmp")
        try:
            with acting_as_owner_of_place(self._file.parent):
                replace_unsynced(self._file, _CLAIMS.dump_json(claims), temporary, _MODE)
        except OSError as fault:
            raise store_error(fault, f"cannot write {self._file}") from fault

    def _read(self) -> dict[str, _Claim]:
        try:
            data = self._file.read_bytes()
            return _CLAIMS.validate_json(data) if len(data) <= _MOST_BYTES else {}
        except FileNotFoundError:
            return {}
        except (ValidationError, json.JSONDecodeError):
            return {}  # a claim that is lost costs a look that somebody else takes as well
        except OSError as fault:
            raise store_error(fault, f"cannot read {self._file}") from fault

    @contextmanager
    def _locked(self) -> Iterator[None]:
        directory = self._file.parent
        if not directory.exists():  # the station has not run since it knows of it
            write_file(self._file, b"{}", mode=_MODE)
        try:
            # A directory can be locked by whoever may read it, and needs no file of its own.
            opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as fault:
            raise RightsError(f"{directory}: this user may not claim parts") from fault
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)
