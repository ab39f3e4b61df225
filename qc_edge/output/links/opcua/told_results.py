"""Results that clients may ask for once more: the last ones that were told, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from asyncua import ua

from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import ToLine

COMPLETED, ABORTED = 1, 3
"""Of ResultStateDataType: judged, or ended without a verdict."""

MOST_KEPT = 256
MOST_LISTED = 64
_MOST_HANDLES = 64


@dataclass(frozen=True, slots=True)
class ToldResult:
    """One result as the specification has it. `part_id` and `recipe` are those of the row, empty
    where no part came in time; `content`: disposition, reason, sequence.
    """

    result_id: str
    part_id: str
    job_id: str
    state: int
    recipe: str
    content: tuple[str, str, str]
    at: datetime

    @classmethod
    def of(cls, words: ToLine, result: Result) -> ToldResult:
        """What stands in the words now."""
        part, job = result.part, f"{words.session}-{words.sequence}"
        return cls(
            str(part.frame_id) if part else job,
            part.part_id if part else "",
            job,
            COMPLETED if part else ABORTED,
            part.recipe if part else "",
            (str(result.disposition), result.reason, str(words.sequence)),
            datetime.now(timezone.utc),
        )

    def components(self) -> dict[str, Any]:
        """The fields of ResultDataType, as values of asyncua."""
        return {
            "ResultId": made_id("ResultId", self.result_id),
            "HasTransferableDataOnFile": False,
            "IsPartial": False,
            "IsSimulated": False,
            "ResultState": self.state,
            "PartId": made_id("PartId", self.part_id),
            "InternalRecipeId": made_id("RecipeIdInternal", self.recipe),
            "InternalConfigurationId": made_id("ConfigurationId", ""),
            "JobId": made_id("JobId", self.job_id),
            "CreationTime": self.at,
            "ResultContent": [ua.Variant(each, ua.VariantType.String) for each in self.content],
        }


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """What a client asks for; empty or 0: any."""

    state: int = 0
    part_id: str = ""
    recipe: str = ""
    job_id: str = ""

    def fits(self, told: ToldResult) -> bool:
        """Whether this is one of them."""
        pairs = (
            (self.part_id, told.part_id),
            (self.recipe, told.recipe),
            (self.job_id, told.job_id),
        )
        return self.state in (0, told.state) and all(
            not asked or asked == is_ for asked, is_ in pairs
        )


class ToldResults:
    """The last `MOST_KEPT` of them, newest first when asked for, and the handles that clients have
    not released. Used by the server's loop.
    """

    def __init__(self) -> None:
        self._told: deque[ToldResult] = deque(maxlen=MOST_KEPT)
        self._handles: deque[int] = deque(maxlen=_MOST_HANDLES)
        self._last_handle = 0

    def add(self, told: ToldResult) -> None:
        """One more; the oldest goes."""
        self._told.append(told)

    def by_id(self, result_id: str) -> ToldResult | None:
        """The newest of this id."""
        return next((each for each in self._newest() if each.result_id == result_id), None)

    def listed(self, wanted: ResultFilter, first: int, most: int) -> tuple[list[ToldResult], bool]:
        """Those that fit from the one of index `first` on, `most` of them (0: as many as go into
        one answer), and whether that is the rest of them.
        """
        found = [each for each in self._newest() if wanted.fits(each)][first:]
        most = min(most or MOST_LISTED, MOST_LISTED)
        return found[:most], len(found) <= most

    def new_handle(self) -> int:
        """For one answer; the oldest that nobody released is forgotten."""
        self._last_handle = self._last_handle % 0xFFFF_FFFF + 1
        self._handles.append(self._last_handle)
        return self._last_handle

    def release(self, handle: int) -> bool:
        """Whether there was such a handle."""
        if handle not in self._handles:
            return False
        self._handles.remove(handle)
        return True

    def _newest(self) -> Iterator[ToldResult]:
        return reversed(self._told)


def made(kind: str, **fields: Any) -> Any:
    """One of the specification's structures, which asyncua makes from the nodeset."""
    return getattr(ua, f"{kind}DataType")(**fields)


def made_id(kind: str, value: str) -> Any:
    """One of those that it has for ids."""
    return made(kind, Id=value)
