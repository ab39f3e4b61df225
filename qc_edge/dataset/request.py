"""What goes into a dataset and where it goes, checked before any work is done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths

_SHARES = re.compile(r"(\d{1,3}):(\d{1,3}):(\d{1,3})")


class Wanted(str, Enum):
    """Which inspections; of several, what fits any of them."""

    LABELLED = "labelled"
    """Somebody has said good or defect, and it is not disputed."""
    FAIL = "fail"
    BAND = "band"
    """Near the threshold."""
    DISPUTED = "disputed"
    SAMPLE = "sample"
    """Drawn at random from what PASSed: review.audit_share of it."""

    __str__ = str.__str__

    @classmethod
    def parse(cls, word: str) -> Wanted:
        """The word of the option --only. Raises UsageError."""
        try:
            return cls(word)
        except ValueError:
            known = ", ".join(map(str, cls))
            raise UsageError(f"--only {word!r} is unknown", hint=f"one of {known}") from None


class Grouping(str, Enum):
    """What is never torn apart by a split."""

    LOT = "lot"
    """All parts of a lot; of a part without a lot, the part."""
    PART = "part"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class SplitRule:
    """The shares (0..1) of train and val, what is left is test; and what stays together."""

    train: float = 0.7
    val: float = 0.15
    grouping: Grouping = Grouping.LOT

    @classmethod
    def parse(cls, shares: str, grouping: Grouping) -> SplitRule:
        """`70:15:15`: train, val and test in per cent. Raises UsageError."""
        match = _SHARES.fullmatch(shares)
        values = [int(text) for text in match.groups()] if match else []
        if sum(values) != 100:
            raise UsageError(
                f"--shares {shares!r} is no split", hint="train:val:test in per cent, 70:15:15"
            )
        return cls(values[0] / 100, values[1] / 100, grouping)


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """Inspections recorded from `since` up to but without `until` (aware UTC) that are `wanted`;
    empty means all.

    `out` (absolute) is the directory to make, `kind` one of `formats.FORMATS`. `link`: hard links
    to the evidence where that is possible, copies elsewhere.
    """

    out: Path
    kind: str
    since: datetime | None = None
    until: datetime | None = None
    wanted: tuple[Wanted, ...] = ()
    split: SplitRule = SplitRule()
    link: bool = False

    def check(self, paths: StationPaths) -> None:
        """Raise UsageError where nothing would be found, or something would be overwritten."""
        if self.since and self.until and self.since >= self.until:
            raise UsageError(
                "--since is not before --until: no time is between them",
                hint="--since is the beginning, --until the end, which does not belong to it",
            )
        if self.out.exists() or self.out.is_symlink():
            raise UsageError(
                f"{self.out} is there already, and an export overwrites nothing",
                hint="name another directory",
            )
        if paths.state in self.out.parents:
            raise UsageError(
                f"{self.out} lies among the station's own files",
                hint="name a place outside, such as a directory of yours",
            )

    def to_json_values(self) -> Mapping[str, Any]:
        """The query as the manifest has it: nothing of where and when it was asked."""
        return {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "only": sorted(set(map(str, self.wanted))),
            "train": self.split.train,
            "val": self.split.val,
            "split_by": str(self.split.grouping),
        }
