"""Where the station's log goes during a demo: into a file, because the screen is the display's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qc_edge.service.logs import LOG


class WarningCounter(logging.Handler):
    """Counts the warnings about the station and keeps the last. Called by all of its threads."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Count one more, unless it is the line of a verdict: those are about a part."""
        if not hasattr(record, "QC_VERDICT"):
            self.count += 1
            self.last = record.getMessage()


@contextmanager
def log_to_file(file: Path, warnings: WarningCounter) -> Iterator[None]:
    """Send the station's log to `file` and to `warnings`, and to nothing else, until the end.

    A line on stderr would tear the picture on the terminal's alternate screen.
    """
    before = LOG.handlers[:], LOG.propagate, LOG.level
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    LOG.handlers[:], LOG.propagate = [handler, warnings], False
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.handlers[:], LOG.propagate = before[0], before[1]
        LOG.setLevel(before[2])
        handler.close()
