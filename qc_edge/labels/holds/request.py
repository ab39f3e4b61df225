"""What a person, or a check, asks to be held or released."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qc_edge.domain.evidence.hold_entry import HoldScope
from qc_edge.domain.label import PersonRole
from qc_edge.errors import UsageError
from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE, check_text

BY_A_PERSON = "person"
"""The cause of a hold that nothing but a person brought."""

_CAUSE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HOLD_ID = re.compile(r"[0-9a-f]{8,32}")


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Hold what fits any of `scopes`, because of `why`.

    `cause` is one word for what brought it (`person`, `suspect_window`, `complaint`); `who` a
    person or the part of the station that noticed. `hold_id` (8 to 32 hex digits) makes it part of
    a hold that there is, or the same hold however often it is written; None: a new one.
    """

    scopes: tuple[HoldScope, ...]
    who: str
    why: str
    cause: str = BY_A_PERSON
    role: PersonRole = PersonRole.QUALITY
    hold_id: str | None = None

    def check(self) -> None:
        """Raise UsageError for a request that no hold can be made of."""
        _check(self.who, self.why, self.cause)
        _check_id(self.hold_id)
        if not self.scopes:
            raise UsageError("nothing is named that is to be held", hint="--part, --lot, --between")
        for scope in self.scopes:
            _check_scope(scope)
            if scope.is_empty:
                raise UsageError("a hold of everything", hint="name a part, a lot or a time")


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Release what fits any of `scopes`, of the hold `hold_id` or, if None, of all holds.

    Without scopes all of the hold `hold_id` is released. What is held after the release stays held.
    """

    scopes: tuple[HoldScope, ...]
    who: str
    why: str
    cause: str = BY_A_PERSON
    role: PersonRole = PersonRole.QUALITY
    hold_id: str | None = None

    def check(self) -> None:
        """Raise UsageError for a request that no release can be made of."""
        _check(self.who, self.why, self.cause)
        _check_id(self.hold_id)
        if not self.scopes and self.hold_id is None:
            raise UsageError(
                "nothing is named that is to be released",
                hint="--part, --lot, --between or --hold ID",
            )
        for scope in self.scopes:
            _check_scope(scope)
            if scope.is_empty and self.hold_id is None:
                raise UsageError("a release of everything", hint="name a part, a lot or a time")


def of_parts(part_ids: Iterable[str]) -> tuple[HoldScope, ...]:
    """The scopes of these parts: all their inspections, those to come too."""
    return tuple(HoldScope(part_id=each) for each in part_ids)


def of_frames(frame_ids: Iterable[str]) -> tuple[HoldScope, ...]:
    """The scopes of these inspections alone."""
    return tuple(HoldScope(frame_id=each) for each in frame_ids)


def _check(who: str, why: str, cause: str) -> None:
    check_text("who says so (--by)", who, LONGEST_NAME)
    check_text("the reason (--reason)", why, LONGEST_NOTE)
    if not _CAUSE.fullmatch(cause):
        raise UsageError(
            f"the cause {cause[:40]!r} is no word", hint="lower case: suspect_window, complaint"
        )


def _check_id(hold_id: str | None) -> None:
    if hold_id is not None and not _HOLD_ID.fullmatch(hold_id):
        raise UsageError(f"{hold_id[:40]!r} is no hold's id", hint="qc-edge hold NAME lists them")


def _check_scope(scope: HoldScope) -> None:
    for what, text in (("part", scope.part_id), ("lot", scope.lot), ("frame", scope.frame_id)):
        if text is not None and not 0 < len(text) <= 1000:
            raise UsageError(f"the {what} {text[:40]!r} is no id")
    if scope.since and scope.until and scope.since >= scope.until:
        raise UsageError(
            f"{scope.since:%Y-%m-%dT%H:%M:%S} is not before {scope.until:%Y-%m-%dT%H:%M:%S}",
            hint="the beginning first, then the end, which does not belong to it; UTC",
        )
