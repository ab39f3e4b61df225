# ruff: noqa: S608 - relations, names of columns and quoted texts
"""Pictures that rules have deleted, by the rows that say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.inspection import COLUMNS
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.query.rows import Rows
from qc_edge.query.source import LogSource, Span
from qc_edge.query.typed_rows import to_row
from qc_edge.store.log.duck import quoted


def deletions_of(log: LogSource, frame_id: str) -> list[Deletion]:
    """The deletions of an inspection's pictures, oldest first. Raises StoreError."""
    relation = log.relation(Deletion.TABLE, Span(keys=(frame_id,)))
    if relation is None:
        return []
    names = COLUMNS[Deletion.TABLE]
    found = log.fetch(
        f"SELECT {', '.join(names)} FROM {relation} WHERE frame_id = $frame ORDER BY chain_seq",
        {"frame": frame_id},
    )
    return [to_row(Deletion, dict(zip(names, values, strict=True))) for values in found]


def deleted_pictures(rows: Rows, frames: Iterable[str]) -> dict[str, str]:
    """Of those of `frames` that have any: the pictures that were deleted, with blanks between.

    Asked for a range that holds them all. Raises StoreError.
    """
    ids = list(frames)
    if not ids:
        return {}
    query = (
        "SELECT frame_id, string_agg(pictures, ' ') FROM {rows} "
        f"WHERE frame_id BETWEEN {quoted(min(ids))} AND {quoted(max(ids))} GROUP BY frame_id"
    )
    return dict(rows.select(query, Deletion.TABLE, 0, 2**62))


def gone_by_frame(log: LogSource) -> str:
    """What stands behind FROM for `frame_id` and `gone`, the pictures of it that were deleted."""
    relation = log.relation(Deletion.TABLE) or "(SELECT '' AS frame_id, '' AS pictures)"
    return f"(SELECT frame_id, string_agg(pictures, ' ') AS gone FROM {relation} GROUP BY frame_id)"


def prepared_path(log: LogSource) -> str:
    """SQL of an inspection's prepared_path, empty where a rule has deleted that picture."""
    return (
        f"CASE WHEN frame_id IN (SELECT frame_id FROM {gone_by_frame(log)} "
        "WHERE contains(gone, 'prepared')) THEN '' ELSE prepared_path END"
    )


def frames_without(log: LogSource, picture: EvidenceClass) -> set[str]:
    """The inspections of which a rule has deleted that picture. Raises StoreError."""
    found = log.fetch(
        f"SELECT frame_id FROM {gone_by_frame(log)} WHERE contains(gone, '{picture}')"
    )
    return {frame_id for (frame_id,) in found}


def as_deleted(
    file: EvidenceFile, picture: EvidenceClass, deletions: Iterable[Deletion]
) -> EvidenceFile:
    """The file; where it is missing and a rule has deleted it, with that rule in its words."""
    if file.match is not EvidenceMatch.MISSING:
        return file
    for deletion in deletions:
        if picture in deletion.pictures.split():
            words = f"deleted on {deletion.recorded_at:%Y-%m-%d} by the rule {deletion.rule}"
            return replace(file, match=EvidenceMatch.DELETED, detail=words)
    return file
