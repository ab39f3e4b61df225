"""A bar for each step of writing an image. On stderr, and only where it is seen."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from qc_edge.terminal.progress_bar import ProgressBar


class FlashBar(ProgressBar):
    """A `qc_edge.setup.flash.image_file.Progress` on the terminal. A context manager."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._tasks: dict[str, TaskID] = {}
        progress = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        super().__init__(progress)

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that `done` of `total` bytes of the step are."""
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._tasks[step], completed=done)
