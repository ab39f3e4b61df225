"""A progress bar for scoring many inputs: how far, how fast, and how long yet. On stderr."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class ScoringBar:
    """A `qc_edge.analysis.scoring.ScoringProgress` on the terminal. A context manager; one thread.

    Results go to stdout and may be piped, so the bar is on stderr.
    """

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("scoring with {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = TaskID(0)

    def start(self, model: str, total: int, kept: int = 0) -> None:
        """Add a bar of `total` inputs for `model`; `kept` of them have a score already."""
        rate = f"{kept:,} known" if kept else ""
        self._task = self._progress.add_task(model, total=total, rate=rate)

    def advance(self) -> None:
        """One more input of the bar that was added last is done."""
        speed = self._progress.tasks[self._task].speed
        self._progress.update(self._task, advance=1, rate=f"{speed:.0f}/s" if speed else "")

    def __enter__(self) -> ScoringBar:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
