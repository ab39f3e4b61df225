"""Asks at the screen which disk gets the image, and says why others do not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.errors import UsageError
from qc_edge.setup.flash.choice import Existing, FlashPlan, plan_for, refusal
from qc_edge.setup.flash.disks import BlockDevice
from qc_edge.setup.flash.partition_table import PartitionTable


def print_disks(
    console: Console, disks: Sequence[BlockDevice], image: PartitionTable | None
) -> None:
    """Each with a number, and why the image does not go there; records are asked about later."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "disk", "size", "model", "serial", "on it", ""):
        table.add_column(heading, overflow="fold", justify="right" if heading == "size" else "left")
    for number, disk in enumerate(disks, 1):
        why = disk.in_use if image is None else refusal(disk, image, "wipe")
        cells = str(number), disk.name, disk.gigabytes, disk.model or "?", disk.serial
        on_it = ", ".join(disk.contents) or "nothing"
        table.add_row(*map(Text, cells), Text(on_it), Text(why, "red"))
    console.print(table)
    if not disks:
        console.print("there is no disk")


def ask_for_plan(
    console: Console,
    look: Callable[[], Sequence[BlockDevice]],
    image: PartitionTable,
    answer: Callable[[str], str],
) -> FlashPlan:
    """What a person chooses and confirms by the disk's name. Raises UsageError if nobody does."""
    while True:
        disks = look()
        print_disks(console, disks, image)
        text = answer("Which number gets the image (Enter: look again, q: nothing)? ").strip()
        if text == "q":
            raise UsageError("nothing was written: nobody chose a disk", hint="begin again")
        if not (text.isdecimal() and 0 < int(text) <= len(disks)):
            continue
        disk = disks[int(text) - 1]
        try:
            plan = plan_for(disk, image, _ask_for_records(disk, answer))
        except UsageError as refused:
            console.print(Text(f"{refused.message}\n  {refused.hint}", "red"))
            continue
        console.print(Text(plan.words, "bold"))
        if answer(f"Type {disk.name} to do it: ").strip() == disk.name:
            return plan
        console.print("nothing was written")


def answer_at_terminal(question: str) -> str:
    """What somebody types. Raises UsageError if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise UsageError(
            "there is nobody to ask which disk",
            hint="--disk and --yes, or [install] disk in the seed",
        )
    try:
        return input(question)
    except EOFError:
        return "q"


def _ask_for_records(disk: BlockDevice, answer: Callable[[str], str]) -> Existing:
    if disk.records is None:
        return "refuse"
    text = answer(f"{disk.name} has the records of a qc-edge: (k)eep or (w)ipe them? ").strip()
    if text.lower() in {"k", "keep"}:
        return "keep"
    return "wipe" if text.lower() in {"w", "wipe"} else "refuse"
