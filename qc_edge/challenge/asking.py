"""What a person does about challenges: the requests that go to the station, and the register and
its history as the log has them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

from qc_edge.challenge import drop
from qc_edge.challenge.register import Register
from qc_edge.challenge.request import (
    MAY_OVERRIDE,
    MAY_REGISTER,
    ChallengeRequest,
    Expected,
    PartEntry,
)
from qc_edge.domain.inspection import COLUMNS
from qc_edge.domain.label import PersonRole
from qc_edge.errors import UsageError
from qc_edge.query.published_log import PublishedLog
from qc_edge.recipe.attribution import Attribution
from qc_edge.records.people import checked_role
from qc_edge.service.clock import utc_now
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import StationPaths


@dataclass(frozen=True, slots=True)
class RegisterWish:
    """What a person wants the register to say, as it is typed."""

    serial: str
    recipe: str
    expected: Expected
    expected_class: str | None
    part_id: str | None
    certified_by: str | None
    valid_until: str | None
    max_uses: int | None

    def entry(self, photograph: tuple[str | None, str | None], uses: int) -> PartEntry:
        """As an entry, with the path and digest of its photograph. Raises UsageError."""
        if not self.certified_by or not self.valid_until:
            missing = "--valid-until" if self.certified_by else "--certified-by"
            raise UsageError(
                f"{missing} is missing",
                hint="who says what the part is, and until when: --certified-by carla "
                "--valid-until 2027-03-31",
            )
        valid_until = end_of_day(self.valid_until)
        if valid_until <= utc_now():
            raise UsageError(f"--valid-until {self.valid_until} is over", hint="a day to come")
        if self.max_uses is not None and self.max_uses <= uses:
            raise UsageError(f"--max-uses {self.max_uses}: it was shown {uses} times already")
        return PartEntry(
            recipe=self.recipe,
            serial=self.serial,
            expected=self.expected,
            expected_class=self.expected_class,
            part_id=self.part_id or self.serial,
            photograph=photograph[0],
            photograph_sha256=photograph[1],
            certified_by=self.certified_by,
            valid_until=valid_until,
            max_uses=self.max_uses,
            uses_before=uses,
        )


def role_to_register(paths: StationPaths, who: str) -> PersonRole:
    """As whom `who` may change the register. Raises RightsError."""
    return checked_role(paths, who, MAY_REGISTER, "change the register of challenge parts")


def ask_to_register(
    paths: StationPaths, entry: PartEntry, by: Attribution, role: PersonRole | None = None
) -> Path:
    """Ask for an entry of the register; where the request waits. Raises RightsError, StoreError."""
    role = role or role_to_register(paths, by.by)
    return _ask(paths, _request("register", by.by, role=role, why=by.reason, entry=entry))


def ask_to_retire(paths: StationPaths, serial: str, recipe: str, by: Attribution) -> Path:
    """Ask to take a part out of the set. Raises UsageError if it is not in the register."""
    known = registered(paths).find(recipe, serial)
    if known is None:
        of = f" for {recipe}" if recipe else ""
        raise UsageError(
            f"{serial} is not in the register{of}", hint=f"qc-edge challenge {paths.name} list"
        )
    entry = PartEntry(
        recipe=recipe,
        serial=serial,
        expected=cast("Expected", known.expected),
        expected_class=known.expected_class,
        part_id=known.part_id,
        photograph=None,
        photograph_sha256=None,
        certified_by=known.certified_by,
        valid_until=known.valid_until,
        max_uses=known.max_uses,
        uses_before=known.uses_before,
        retired=True,
    )
    return ask_to_register(paths, entry, by)


def ask_to_run(
    paths: StationPaths, who: str, why: str | None = None, order: Sequence[str] = ()
) -> Path:
    """Ask to begin a challenge; by position where an `order` is given. Raises StoreError."""
    return _ask(paths, _request("run", who, why=why, order=tuple(order)))


def ask_to_override(paths: StationPaths, by: Attribution, role: PersonRole | None = None) -> Path:
    """Ask to go on without the challenge that is due. Raises RightsError, StoreError."""
    role = role or checked_role(paths, by.by, MAY_OVERRIDE, "override a challenge")
    return _ask(paths, _request("override", by.by, role=role, why=by.reason))


def end_of_day(text: str) -> datetime:
    """The end (UTC) of a day that is given as YYYY-MM-DD. Raises UsageError."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        return day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r:.40} is no day", hint="YYYY-MM-DD: 2027-03-31") from None


def registered(paths: StationPaths) -> Register:
    """The register, as published. Raises StoreError."""
    parts, shown = published_rows(paths, "challenge_parts"), dict[str, int]()
    for row in published_rows(paths, "challenge_results"):
        shown[row["serial"]] = shown.get(row["serial"], 0) + 1
    newest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in parts:
        newest[row["recipe"], row["serial"]] = row
    return Register.of_rows(newest.values(), shown)


def published_rows(paths: StationPaths, table: str) -> list[Mapping[str, Any]]:
    """The published rows of a table of challenges, oldest first. Raises StoreError."""
    names = COLUMNS[table]
    with acting_as_owner(paths.state), PublishedLog(paths.published) as log:
        cursor = log.cursor()
        relation = cursor.relation(table)
        if relation is None:
            return []
        rows = cursor.fetch(f"SELECT {', '.join(names)} FROM {relation} ORDER BY chain_seq")  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in rows]


def _request(kind: Any, who: str, **values: Any) -> ChallengeRequest:
    return ChallengeRequest(
        kind=kind, who=who.strip(), said_at=utc_now(), record_id=uuid.uuid4().hex, **values
    )


def _ask(paths: StationPaths, request: ChallengeRequest) -> Path:
    with acting_as_owner(paths.state):
        return drop.put(paths, request)
