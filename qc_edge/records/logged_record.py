"""A record as the log names it: its path below the station's state directory, and its digest."""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.in_force import record_kind
from qc_edge.records.record_file import file_digest
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped

_DIGITS = 12


def record_path(paths: StationPaths, path: str) -> Path:
    """Where the record is that the log names `path`; a bundle may have come with the software."""
    own = paths.state / path
    if record_kind(path) == "models" and not own.exists():
        return shipped("models").parent / path
    return own


def record_state(paths: StationPaths, path: str, sha256: str | None) -> str:
    """What is wrong with a record, in words; "" if it is as the log says.

    Without a digest (events of earlier versions) it need only be there.
    """
    found = file_digest(record_path(paths, path))
    if found is None:
        return "is missing"
    if not found:
        return "cannot be read"
    if sha256 is not None and found != sha256:
        return f"has been changed: its sha256 is {found[:_DIGITS]}…, not {sha256[:_DIGITS]}…"
    return ""
