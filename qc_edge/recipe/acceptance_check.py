"""Before a start: the acceptance that the scores in force rest upon is still what is there."""

from __future__ import annotations

from pathlib import PurePosixPath

from qc_edge.domain.acceptance import Acceptance, MovedScores, ScoreSource
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.in_force import InForce
from qc_edge.errors import RecordError
from qc_edge.records import acceptances
from qc_edge.records.logged_record import record_state
from qc_edge.records.record_file import file_digest
from qc_edge.settings import StationPaths
from qc_edge.store.log import lookups
from qc_edge.store.log.ledger import Ledger


def check_acceptance(paths: StationPaths, ledger: Ledger, events: EventLog) -> None:
    """Hold the last accepted change of scores against its record.

    Where that is gone or was changed, and a person has accepted the same change anew, the log says
    so. Raises RecordError if nobody has, and keeps what `qc-edge model accept` then decides;
    StoreError if the log does not take the event.
    """
    logged = ledger.ask(lookups.last_acceptance)
    if logged is None or not (state := record_state(paths, logged.record, logged.record_sha256)):
        return
    before, after = InForce.from_json(logged.before), InForce.from_json(logged.after)
    found = logged.detail.partition("; accepted by ")[0]
    now = _source(after, found.partition(": ")[0])
    was = _source(before, now.model)
    sound, _ = acceptances.sound_and_damaged(paths.acceptances)
    name = PurePosixPath(logged.record).stem
    newer = [record for record in sound if record.covers(was, now) and record.record_id > name]
    if newer:
        events.record([_accepted(paths, newer[-1], found, f"{logged.record}, which {state}")])
        acceptances.forget_moved(paths.scores_moved)
        return
    bundle = now.model.partition(" ")[0]
    acceptances.keep_moved(paths.scores_moved, MovedScores(bundle, was, now, found, ()))
    raise RecordError(
        f"scores moved once and were accepted, but the record of that {state}:\n"
        f"  {logged.record} (sha256 {logged.record_sha256}; {logged.detail})",
        hint="restore it from a backup, or accept that change anew on record: qc-edge model accept "
        f"{paths.name} --by WHO --reason TEXT",
    )


def _source(snapshot: InForce, model: str) -> ScoreSource:
    """Where the scores of this model came from: its view's engine, else the station's own."""
    judging = [snapshot.own, *snapshot.views.values()]
    fitting = [each for each in judging if f"{each.model} ".startswith(f"{model} ")]
    source = (fitting or judging)[0]
    return ScoreSource(source.model, source.engine)


def _accepted(paths: StationPaths, record: Acceptance, found: str, replaced: str) -> Occurrence:
    file = paths.acceptances / f"{record.record_id}.toml"
    return Occurrence(
        EventKind.SCORES_ACCEPTED,
        f"{found}; accepted by {record.made_by}: {record.reason}; in place of {replaced}",
        record.engine_before,
        record.engine,
        record.made_by,
        record.reason,
        f"{file.parent.name}/{file.name}",
        file_digest(file) or None,
    )
