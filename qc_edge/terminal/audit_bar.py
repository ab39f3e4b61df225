"""A progress bar for each step of an audit, one at a time. On stderr, and only where it is seen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from qc_edge.terminal.progress_bar import ProgressBar


class AuditBar(ProgressBar):
    """A `qc_edge.audit.finding.AuditProgress` on the terminal. A context manager; one thread.

    `titles` has the words for each step. Shows nothing if `quiet`, or if stderr is no terminal: a
    log file would get a line for each redraw.
    """

    def __init__(self, titles: Mapping[str, str], *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._titles = titles
        self._tasks: dict[str, TaskID] = {}
        progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        super().__init__(progress)

    def update(self, step: str, done: int, total: int) -> None:
        """Show `done` of `total` of the step (0: not known), and no other step any more."""
        if step not in self._tasks:
            for task in self._tasks.values():
                self._progress.update(task, visible=False)
            self._tasks[step] = self._progress.add_task(self._titles[step], total=None)
        self._progress.update(self._tasks[step], completed=done, total=total or None)
