"""Which of the anchors in a journal count: those of the station's own service, signed where a key
is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from qc_edge.audit.anchors.journald import AnchorJournal, KeptAnchor
from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.bundles.signing_key import is_signed_by


@dataclass(frozen=True, slots=True)
class AnchorOptions:
    """What anchors are read from, the public key (`ed25519:...`) that must have signed them, if
    any, and how far apart (s) the station makes them.
    """

    journal: AnchorJournal
    key: str | None = None
    every_s: float = 60.0


def counted_anchors(
    report: AuditReport,
    step: AuditStep,
    station: str,
    options: AnchorOptions,
    since: datetime | None,
) -> list[KeptAnchor]:
    """The anchors of `station` that count, in the order in which they came.

    `since` (aware) leaves out those that came earlier; `step` counts those that count. Where there
    are none, a finding says why.
    """
    kept = [
        each for each in options.journal.read(station) if since is None or each.kept_at >= since
    ]
    counted = _own(report, station, options.journal, kept)
    if options.key:
        counted = _signed(report, options.key, options.journal, counted)
    if options.journal.damaged:
        report.warning(
            "anchor_damaged",
            f"{options.journal.damaged:,} messages call themselves anchors and do not read",
            options.journal.name,
            "find out who sent them",
        )
    step.count = len(counted)
    if not counted:
        _report_none(report, station, options.journal, any_kept=bool(kept))
    return counted


def _own(
    report: AuditReport, station: str, journal: AnchorJournal, kept: Sequence[KeptAnchor]
) -> list[KeptAnchor]:
    """Those that the station's service has made. Anybody on the box can send messages with any
    fields; of which unit the sender is, journald says.
    """
    unit = f"qc-edge@{station}.service"
    own = [each for each in kept if each.unit == unit]
    if len(kept) > len(own):
        others = sorted({each.unit or "a process of no unit" for each in kept} - {unit})
        report.warning(
            "anchor_foreign",
            f"{len(kept) - len(own):,} anchors do not come from {unit} and count for nothing: "
            f"they come from {', '.join(others)}",
            journal.name,
            "who imitates the station?",
        )
    return own


def _signed(
    report: AuditReport, key: str, journal: AnchorJournal, kept: Sequence[KeptAnchor]
) -> list[KeptAnchor]:
    unsigned = [each for each in kept if not each.anchor.signature]
    if unsigned:
        report.warning(
            "anchor_unsigned",
            f"{len(unsigned):,} anchors are not signed and count for nothing, the last of them of "
            f"{unsigned[-1].kept_at:%Y-%m-%d %H:%M:%S} UTC",
            journal.name,
            "anchor.sign = true makes the station sign; --since leaves out the time before",
        )
    signed = [each for each in kept if each.anchor.signature]
    good = [e for e in signed if is_signed_by(key, e.anchor.signature, e.anchor.signed)]
    if len(signed) > len(good):
        report.fault(
            "anchor_signature",
            f"{len(signed) - len(good):,} anchors are not signed by {key}",
            journal.name,
            "is it the key of this station at that time? if it is, somebody imitates the station",
        )
    return good


def _report_none(
    report: AuditReport, station: str, journal: AnchorJournal, *, any_kept: bool
) -> None:
    if journal.complaint:
        why, hint = journal.complaint, journal.remedy
    elif any_kept:
        why, hint = "has none that count", "the findings above say why"
    else:
        why = f"has none of {station}"
        hint = (
            "a station makes them under systemd: is this its machine's journal, does it go back "
            "far enough, is it kept at all (Storage=persistent)?"
        )
    report.warning(
        "no_anchors", f"nothing is proven by anchors: {journal.name} {why}", "anchors", hint
    )
