"""Progress bars for scoring and for training: how far, and how long yet. On stderr."""

from __future__ import annotations

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


class ScoringBar(ProgressBar):
    """A `qc_edge.analysis.scoring.ScoringProgress` on the terminal. Used by one thread."""

    def __init__(self) -> None:
        progress = Progress(
            TextColumn("scoring with {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        super().__init__(progress)
        self._task = TaskID(0)

    def start(self, model: str, total: int, kept: int = 0) -> None:
        """Add a bar of `total` inputs for `model`; `kept` of them have a score already."""
        rate = f"{kept:,} known" if kept else ""
        self._task = self._progress.add_task(model, total=total, rate=rate)

    def advance(self) -> None:
        """One more input of the bar that was added last is done."""
        speed = self._progress.tasks[self._task].speed
        self._progress.update(self._task, advance=1, rate=f"{speed:.0f}/s" if speed else "")


class TrainingBar(ProgressBar):
    """A `qc_edge.training.learning.training.TrainingProgress` on the terminal. Used by one
    thread.
    """

    def __init__(self) -> None:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[what]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        super().__init__(progress)
        self._task = self._progress.add_task("datasets", total=None, what="")

    def step(self, what: str, steps: int) -> None:
        """A step begins that has so many parts."""
        self._task = self._progress.add_task(what, total=steps, what="")

    def advance_by(self, parts: int, what: str = "") -> None:
        """So many parts more are done; `what` is done now."""
        self._progress.update(self._task, advance=parts, what=what)

    def start(self, model: str, total: int, kept: int = 0) -> None:
        """Scoring with a model begins, of which `kept` inputs have a score already."""
        self.step(f"scoring with {model}", total - kept)

    def advance(self) -> None:
        """One more input is scored."""
        self.advance_by(1)
