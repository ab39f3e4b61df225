"""`qc-edge threshold NAME propose|proposals|approve|decline`: a threshold of two people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.text import Text

from qc_edge.analysis.threshold_preview import preview_threshold
from qc_edge.domain.label import PersonRole
from qc_edge.domain.threshold import ThresholdProposal
from qc_edge.errors import UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.proposing import decide, find_proposal, open_proposals, propose, take_up
from qc_edge.recipe.threshold_change import (
    current_threshold,
    parse_threshold,
    wait_until_in_force,
)
from qc_edge.service.owner import act_as_owner
from qc_edge.settings import StationPaths
from qc_edge.terminal.options import out, print_json

Given = tuple[str | None, str | None, str | None]
"""The threshold or the id, who, and why; as typed."""


def act(paths: StationPaths, action: str, given: Given, view: str | None, *, as_json: bool) -> None:
    """Do it and say so. Raises UsageError, ThresholdError, RightsError or StoreError."""
    value, by, reason = given
    if action == "proposals":
        _list(paths, view, as_json=as_json)
        return
    attribution = Attribution.parse(by, reason)
    if value is None:
        what = "the new threshold" if action == "propose" else "the proposal's id"
        raise UsageError(f"{what} is missing", hint=f"qc-edge threshold {paths.name} proposals")
    act_as_owner(paths.state)
    if action == "propose":
        _propose(paths, parse_threshold(value), attribution, view, as_json=as_json)
    else:
        _decide(paths, value, attribution, approved=action == "approve", as_json=as_json)


def _propose(
    paths: StationPaths, value: float, attribution: Attribution, view: str | None, *, as_json: bool
) -> None:
    before = current_threshold(paths, view)
    preview = preview_threshold(paths, before.bundle, value, before.now, before.camera)
    shown = "; ".join(preview.sentences)
    proposal = propose(paths, before, value, attribution, shown)
    if as_json:
        print_json(_values(proposal))
        return
    out().print(Text(shown))
    out().print(
        f"proposed as [bold]{proposal.record_id}[/bold]: {proposal.before:g} -> {value:g}; nothing "
        f"changes until somebody else approves it: qc-edge threshold {paths.name} approve "
        f'{proposal.record_id} --by WHO --reason "…"',
        soft_wrap=True,
    )


def _decide(
    paths: StationPaths,
    proposal_id: str,
    attribution: Attribution,
    *,
    approved: bool,
    as_json: bool,
) -> None:
    proposal = find_proposal(paths, proposal_id)
    # Whoever may write here could set it: the role is theirs to answer for, as with --by.
    decision = decide(paths, proposal, attribution, PersonRole.ENGINEER, approved=approved)
    record = take_up(paths, decision)
    running = record is not None and current_threshold(paths, proposal.view).running
    taken = record is not None and running and wait_until_in_force(paths, record)
    if as_json:
        names = {"threshold_id": record.threshold_id if record else None, "taken_up": taken}
        print_json(_values(proposal) | {"approved": approved} | names)
        return
    if record is None:
        out().print(f"{proposal_id} is declined" if not approved else "it is a threshold already")
        return
    out().print(f"threshold: {proposal.before:g} -> [bold]{record.value:g}[/bold], {record.words}")
    state = "in force" if taken else "the station takes it up when it runs"
    out().print(f"{record.threshold_id}: {state}")


def _list(paths: StationPaths, view: str | None, *, as_json: bool) -> None:
    found = open_proposals(paths, current_threshold(paths, view))
    if as_json:
        print_json([_values(each.proposal) | {"fits": each.fits} for each in found])
        return
    for each in found:
        said = each.proposal
        line = f"{said.record_id}  {said.before:g} -> {said.value:g}  {said.made_by}: {said.reason}"
        out().print(Text(line if each.fits else f"{line} (another threshold is in force now)"))
    if not found:
        out().print("no proposal waits")


def _values(proposal: ThresholdProposal) -> dict[str, Any]:
    return asdict(proposal) | {"made_at": proposal.made_at.isoformat()}
