"""Which disk the image goes to, and which are refused and why: values in, a plan out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qc_edge.errors import UsageError
from qc_edge.setup.flash.disks import DATA, BlockDevice
from qc_edge.setup.flash.partition_table import SECTOR, PartitionTable

Existing = Literal["refuse", "keep", "wipe"]
"""What becomes of the records of another qc-edge on the disk."""

ONLY = "only"
"""The one disk inside of the box that can take the image."""


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """The image goes to `disk`; `keep` leaves the partition with its records as it is."""

    disk: BlockDevice
    keep: bool

    @property
    def words(self) -> str:
        """What will be done, for whoever confirms it."""
        if self.keep:
            return f"{self.disk.words} gets the software anew and keeps its records"
        lost = f": {', '.join(self.disk.contents)}" if self.disk.contents else ""
        return f"{self.disk.words} is overwritten, and all that is on it is lost{lost}"


def refusal(disk: BlockDevice, image: PartitionTable, existing: Existing) -> str:
    """Why the image does not go to this disk, in words; empty if it may."""
    if disk.in_use:
        return disk.in_use
    if disk.is_read_only:
        return "it is write-protected"
    if disk.size < image.size:
        return f"it is too small: {disk.gigabytes}, the image needs {image.size / 1e9:,.1f} GB"
    if disk.sector != SECTOR:
        return f"its sectors have {disk.sector} bytes, the image is made for {SECTOR}"
    if disk.records and existing == "refuse":
        return "it holds the records of a qc-edge: say whether they are kept or wiped"
    data = image.find(DATA)
    if disk.records and existing == "keep" and (not data or data.start != disk.records[0]):
        return "its records cannot be kept: its partitions are not where this image has them"
    return ""


def plan_for(disk: BlockDevice, image: PartitionTable, existing: Existing) -> FlashPlan:
    """The plan for this disk. Raises UsageError where it is refused."""
    if why := refusal(disk, image, existing):
        raise UsageError(f"{disk.words} is refused: {why}", hint=_hint(disk, existing))
    return FlashPlan(disk, keep=disk.records is not None and existing == "keep")


def choose(
    disks: Sequence[BlockDevice], wanted: str, image: PartitionTable, existing: Existing
) -> FlashPlan:
    """The plan for the one disk that `wanted` names: ONLY, a path, a name, a serial number or a
    model. Raises UsageError if it is none, more than one, or refused.
    """
    if wanted == ONLY:
        inside = [disk for disk in disks if not disk.is_removable]
        # One with records is no less "the one inside" than an empty one beside it: two boxes' data
        # in one box, and the next boot would mount either (PARTLABEL= in fstab).
        free = [disk for disk in inside if disk.records or not refusal(disk, image, existing)]
        if len(free) == 1:
            return plan_for(free[0], image, existing)
        if len(inside) == 1:
            return plan_for(inside[0], image, existing)
        found, what = free, "can take the image"
    else:
        found, what = [disk for disk in disks if _is_called(disk, wanted)], f"is called {wanted}"
        if len(found) == 1:
            return plan_for(found[0], image, existing)
    if found:
        raise UsageError(
            f"more than one disk {what}: {'; '.join(map(_with_records, found))}",
            hint="name one by its serial number: [install] disk of the seed, or --disk"
            + (_HINT_RECORDS if any(disk.records for disk in found) else ""),
        )
    raise UsageError(f"no disk {what}: {_all(disks, image, existing)}", hint=_HINT_NONE)


def refuse_another(chosen: BlockDevice, disks: Sequence[BlockDevice]) -> None:
    """Raise UsageError if the path of `chosen` is another disk in `disks`, or is in use by now:
    names such as sda go to whatever is plugged in next.
    """
    now = next((disk for disk in disks if disk.path == chosen.path), None)
    if now and not now.in_use and _identity(now) == _identity(chosen):
        return
    found = f"{now.words} {now.serial} {now.in_use}".strip() if now else "gone"
    raise UsageError(
        f"{chosen.words} is not the disk any more that was chosen: it is {found}",
        hint="nothing was written; choose again",
    )


def _identity(disk: BlockDevice) -> tuple[object, ...]:
    return disk.size, disk.model, disk.serial, disk.records


_HINT_NONE = (
    "a larger disk, another one in [install] disk of the seed, or --disk; is it plugged in?"
)
_HINT_RECORDS = (
    "; the one with the records of a qc-edge is kept or wiped (existing), or taken out of the box"
)


def _with_records(disk: BlockDevice) -> str:
    return f"{disk.words}, with the records of a qc-edge" if disk.records else disk.words


def _is_called(disk: BlockDevice, wanted: str) -> bool:
    names = {disk.path, disk.name, disk.serial, disk.model} - {""}
    # a link such as /dev/disk/by-id/...
    return wanted in names or (wanted.startswith("/") and str(Path(wanted).resolve()) == disk.path)


def _all(disks: Sequence[BlockDevice], image: PartitionTable, existing: Existing) -> str:
    told = [
        f"{disk.words}: {refusal(disk, image, existing) or 'a removable medium, by name only'}"
        if disk.is_removable or refusal(disk, image, existing)
        else disk.words
        for disk in disks
    ]
    return "; ".join(told) or "there is none at all"


def _hint(disk: BlockDevice, existing: Existing) -> str:
    if disk.in_use:
        return "take another disk; one that is in use is never overwritten"
    if disk.records and existing == "refuse":
        return 'existing = "keep" or "wipe" in [install] of the seed, or --existing keep'
    if disk.records and existing == "keep":
        return "save what it has upstream or onto another disk, then --existing wipe"
    return _HINT_NONE
