"""Starts the challenges of a station: a thread of their own, which looks once a second."""

from __future__ import annotations

import threading

from qc_edge.challenge.challenges import Challenges, ChallengeStores
from qc_edge.challenge.gate import ChallengeGate
from qc_edge.challenge.taking_up import ChallengeTaker
from qc_edge.domain.events import EventLog
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.station.dependencies import StationParts
from qc_edge.store.log.ledger import Ledger

_LOOK_S = 0.5


def start_challenges(
    parts: StationParts, ledger: Ledger, events: EventLog, rulebook: RuleBook
) -> ChallengeGate:
    """What the inspector asks; before the first frame it knows whether a challenge is due.

    Raises StoreError if the log does not read.
    """
    gate = ChallengeGate()
    stores = ChallengeStores(parts.paths, ledger, events, parts.clock, lambda: rulebook.rules)
    challenges = Challenges(stores, gate)
    taker = ChallengeTaker(challenges)

    def run(heartbeat: Heartbeat, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_S):
            taker.look()
            heartbeat.beat()

    parts.reporter.challenges = challenges
    parts.workers.start("challenge", 2 * parts.dependencies.patience_s, run)
    return gate
