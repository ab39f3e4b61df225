"""What the progress bars of this room share: a context manager around rich's."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from rich.progress import Progress

_Bar = TypeVar("_Bar", bound="ProgressBar")


class ProgressBar:
    """Shows `progress` while the context is open. Results go to stdout and may be piped, so the
    console of `progress` is stderr. One thread.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self: _Bar) -> _Bar:  # noqa: PYI019 (typing.Self came with Python 3.11)
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
