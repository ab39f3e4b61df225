"""Which station sends under a name: two of one name would mix their days unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

from qc_edge.errors import AuditError, UpstreamError
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.targets import Target

_FORMAT = 1


def claim_name(
    target: Target, names: StationNames, told: Mapping[date, str], *, sent_before: bool
) -> None:
    """Hold the station against who has sent under its name, and take the name if nobody has.

    `told` are its sealed days with their manifests' digests, at least one. `sent_before`: it has
    receipts of this target. Raises AuditError if it is another station, UpstreamError.
    """
    day, digest = min(told.items())
    values = {
        "format": _FORMAT,
        "station": names.station,
        "first_day": str(day),
        "first_seal_sha256": digest,
    }
    data = json.dumps(values, indent=1).encode()
    there = target.get(names.claim)
    if there is None and sent_before:
        raise UpstreamError(
            f"{target.url} has nothing of {names.station}, which has sent days there",
            hint="is it mounted, is it the right one? if it was emptied on purpose, remove the "
            "station's upstream/ directory: all days are sent again",
        )
    if there is None:
        target.put_if_absent(names.claim, data)
        there = target.get(names.claim)
    try:
        known = json.loads(there or b"")
        first = date.fromisoformat(known["first_day"])
        first_digest = str(known["first_seal_sha256"])
    except (ValueError, KeyError, TypeError):
        raise UpstreamError(
            f"{target.url}/{names.claim} does not read", hint="who else writes there?"
        ) from None
    # A station that has sent there may have cleared away its first day since.
    is_cleared = sent_before and first not in told
    if told.get(first) != first_digest and not is_cleared:
        raise AuditError(
            f"another station named {names.station!r} sends to {target.url}: its first day is "
            f"{first}, of this one {day}",
            hint="every station of a plant has a name of its own; nothing was sent",
        )
