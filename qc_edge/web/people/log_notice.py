"""What is told to the log before it is done."""

from __future__ import annotations

from qc_edge.domain.events import Occurrence
from qc_edge.errors import StoreError
from qc_edge.records import notices
from qc_edge.settings import StationPaths


def tell_log(paths: StationPaths, occurrence: Occurrence) -> None:
    """Leave a notice for the station. Raises StoreError where it has no room."""
    if notices.leave(paths.notices, occurrence) is None:
        raise StoreError(
            f"{paths.notices}: {notices.WAITING_MAX} events wait for the station to take them up, "
            "and this one has no room; nothing was changed",
            hint=f"start the station, which takes them up: qc-edge@{paths.name}",
        )
