"""Until when the parts in the register of challenge parts hold."""

# ruff: noqa: S608 - a relation
from __future__ import annotations

from datetime import datetime, timezone

from qc_edge.domain.challenges.rows import ChallengePart
from qc_edge.query.published_log import PublishedCursor


def challenge_dates(source: PublishedCursor) -> list[tuple[str, datetime]]:
    """Serial (and recipe) with the end of its certificate, retired ones left out; the newest entry
    of each counts. Raises StoreError.
    """
    rows = source.relation(ChallengePart.TABLE, columns=("serial", "recipe", "valid_until"))
    if rows is None:
        return []
    found = source.fetch(
        "SELECT serial, recipe, arg_max(valid_until, chain_seq), arg_max(retired, chain_seq) "
        f"FROM {rows} GROUP BY serial, recipe ORDER BY ALL"
    )
    return [
        (f"{serial}, {recipe}" if recipe else serial, until.replace(tzinfo=timezone.utc))
        for serial, recipe, until, retired in found
        if not retired
    ]
