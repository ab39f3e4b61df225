"""Challenges on a real log: what ends one, and what proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from qc_edge.challenge.challenges import Challenges, ChallengeStores
from qc_edge.challenge.gate import ChallengeGate, ShownPart
from qc_edge.challenge.register import Register, RegisteredPart
from qc_edge.challenge.schedule import JudgedBy
from qc_edge.domain.parts.told import told_alone
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.settings import IncomingSettings, StationPaths
from qc_edge.settings.discipline.challenge import ChallengeSettings
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.event_log import MemoryEventLog
from tests.publish.rows import inspection

BY = JudgedBy("", "", "m1", "t1", "k1")


@pytest.fixture
def settings() -> SimpleNamespace:
    return SimpleNamespace(
        challenge=ChallengeSettings(every_h=8.0),
        station=SimpleNamespace(calendar=StationCalendar(shifts=())),
        incoming=IncomingSettings(),
        camera=[SimpleNamespace(name="top", holds_repeated_frames=True)],
    )


@pytest.fixture
def challenges(
    tmp_path: Path, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Challenges]:
    """Of a station with R1 in its register, whose challenge is due and runs."""
    monkeypatch.setattr(JudgedBy, "of", lambda _rules: BY)
    paths = StationPaths(tmp_path, "line1")
    paths.journal.mkdir(parents=True)
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    clock, rules = FrameClock(tmp_path / "clock"), SimpleNamespace(settings=settings, earlier=())
    stores = ChallengeStores(paths, ledger, MemoryEventLog(), clock, lambda: rules)  # type: ignore[arg-type,return-value]
    made = Challenges(stores, ChallengeGate())
    until = utc_now() + timedelta(days=1)
    part = RegisteredPart("R1", "", "CH-R1", "FAIL", None, "carla", until, None, 0, False)
    made.register = Register((part,))
    assert made.run is not None
    yield made
    ledger.close()


def show(challenges: Challenges, score: float, picture: str, times: int = 1) -> None:
    for _ in range(times):
        row = inspection(
            utc_now(), score, part_id="CH-R1", raw_sha256=picture, hold_reason="challenge"
        )
        challenges.stores.ledger.commit([row], utc_now())
        challenges.gate._shown.append(ShownPart(told_alone(row), BY, ""))


def told(challenges: Challenges, table: str, column: str) -> list[str]:
    with challenges.stores.ledger.snapshot() as log:
        rows = log.execute(f"SELECT {column} FROM {table} ORDER BY chain_seq").fetchall()
    return [value for (value,) in rows]


def test_a_picture_that_was_kept_proves_nothing_however_old(
    challenges: Challenges, settings: SimpleNamespace
) -> None:
    kept = inspection(
        utc_now() - timedelta(days=90), 0.9, raw_sha256="ab" * 32, hold_reason="challenge"
    )
    challenges.stores.ledger.commit([kept], utc_now())
    show(challenges, 0.9, "ab" * 32)
    challenges.look()
    assert told(challenges, "challenge_results", "outcome") == ["not_counted"]
    assert kept.frame_id in told(challenges, "challenge_results", "detail")[0]
    assert challenges.run is not None
    settings.camera[0].holds_repeated_frames = False
    show(challenges, 0.9, "ab" * 32)
    challenges.look()
    assert told(challenges, "challenges", "outcome") == ["passed"], "played pictures repeat"


def test_what_was_missed_is_not_forgiven_by_a_change_of_the_schedule(
    challenges: Challenges, settings: SimpleNamespace
) -> None:
    other = RegisteredPart(
        "G1", "", "CH-G1", "PASS", None, "c", utc_now() + timedelta(days=1), None, 0, False
    )
    challenges.register = Register((*challenges.register.entries, other))
    show(challenges, 0.1, "cd" * 32)
    challenges.look()
    assert told(challenges, "challenge_results", "outcome") == ["missed"]
    settings.challenge = ChallengeSettings()
    challenges.look()
    assert told(challenges, "challenges", "outcome") == ["failed"]
    challenges.look()
    assert challenges.state.due.startswith("the last one failed: R1 must be FAIL")
