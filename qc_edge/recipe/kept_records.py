"""The records that the log says were in force last, held against the disk: there, and unchanged.

A record that is gone must not let an older one take over as if somebody had set it. A newer one
that a person has made since takes its place; its event says what became of the one before. Reads
only (docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import PurePosixPath

from qc_edge.domain.activation import Activation
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.domain.events import EventKind
from qc_edge.domain.in_force import InForce, record_kind
from qc_edge.domain.threshold import record_in_force
from qc_edge.errors import RecordError
from qc_edge.records import calibrations, thresholds
from qc_edge.records.logged_record import record_state
from qc_edge.settings import Settings, StationPaths

PutBy = Callable[[str], str]
"""Who put the record with that path in force and when, in words; "" if the log does not say."""


Told = Callable[[str], set[str]]
"""The kinds of the log's events that name a record."""


def remark_on(paths: StationPaths, path: str, files: Mapping[str, str | None]) -> str:
    """The end of an event's words about the record that it replaces: "" if that is as it was."""
    state = record_state(paths, path, files.get(path))
    return f"; the record before it, {path}, {state}" if state else ""


def check_kept(paths: StationPaths, last: InForce, now: datetime, put_by: PutBy) -> None:
    """Calibrations and the threshold that were in force `last` are there as they were, or a person
    has made newer ones.

    Raises RecordError that names all that are not; ThresholdError on a damaged record.
    """
    faults = _Faults(put_by)
    for path, sha256 in last.record_files().items():
        if not (state := record_state(paths, path, sha256)):
            continue
        kind, name = record_kind(path), PurePosixPath(path).stem
        if kind == "calibration":
            camera = PurePosixPath(path).parent.name
            if calibrations.newest(paths.calibration, camera) <= name:
                command = f"calibrate {paths.name} --camera {camera} --by WHO --yes"
                faults.add(path, state, sha256, command)
        elif kind == "thresholds":
            records = thresholds.load_all(paths.thresholds)
            for view, model_sha256 in last.ruled_by(name) or [(None, last.model_sha256)]:
                ruling = record_in_force(records, model_sha256, now, view)
                if ruling is None and view:  # it goes by the station's
                    ruling = record_in_force(records, model_sha256, now)
                if ruling is None or ruling.record_id <= name:
                    of_view = f" --view {view}" if view else ""
                    command = f"threshold {paths.name} set X{of_view} --by WHO --reason TEXT"
                    faults.add(path, state, sha256, command)
    faults.raise_if_any()


def check_model_kept(
    paths: StationPaths,
    settings: Settings,
    history: DecisionHistory[Activation],
    judging: Activation | None,
    last: InForce,
    put_by: PutBy,
    told: Told,
) -> None:
    """The activation that was in force `last`, or the bundle where the settings name it, is there
    as it was, and nothing older judges.

    `judging` is the activation whose bundle is to judge; None: the settings say. Raises RecordError
    that names what is not so.
    """
    faults = _Faults(put_by)
    of_views = {view.bundle for view in settings.view}
    if judging is not None and judging == history.in_force:
        # Its outcome comes after its event: of one that has other events alone it is forged.
        kinds = told(f"activations/{judging.record_id}.toml")
        if kinds and str(EventKind.MODEL) not in kinds:
            state = "says that the activation came into force; the log says that it was refused"
            command = f"model activate {paths.name} {last.model_reference} --by WHO --reason TEXT"
            faults.add_outcome(f"activations/{judging.record_id}.json", state, command)
    for path, sha256 in last.record_files().items():
        kind, name = record_kind(path), PurePosixPath(path).stem
        reference = "@".join(PurePosixPath(path).parts[1:3])
        if kind == "models" and reference in of_views:
            if state := record_state(paths, path, sha256):
                faults.add(path, state, sha256, f"check {paths.name}")
            continue
        if kind == "activations" and not (judging and judging.record_id > name):
            state = record_state(paths, path, sha256)
            if not state and (judging is None or judging.record_id < name):
                state = _why_not(history, name)
        elif kind == "models" and judging is None:
            names_it = reference == settings.model.bundle
            state = record_state(paths, path, sha256) if names_it else ""
        else:
            state = ""
        if state:
            wanted = judging.bundle if judging else settings.model.bundle
            command = f"model activate {paths.name} {wanted} --by WHO --reason TEXT"
            faults.add(path, state, sha256, command)
    faults.raise_if_any()


def _why_not(history: DecisionHistory[Activation], name: str) -> str:
    """Why an activation that was in force does not judge any more, by what is kept beside it."""
    outcome = history.outcomes.get(name)
    said = f"says that it was refused: {outcome.detail}" if outcome else "is missing"
    return f"does not judge any more: {name}.json, which tells what became of it, {said}"


class _Faults:
    """What is not as it was, all of it told at once."""

    def __init__(self, put_by: PutBy) -> None:
        self._put_by = put_by
        self._lines: list[str] = []
        self._commands: list[str] = []

    def add(self, path: str, state: str, sha256: str | None, command: str) -> None:
        """`command` sets a new value on record, in place of this one."""
        known = f"sha256 {sha256}" if sha256 else "of an earlier version, without a digest"
        put_by = self._put_by(path)
        self._lines.append(f"  {path} {state} ({known}{put_by and f'; {put_by}'})")
        self._commands.append(f"qc-edge {command}")

    def add_outcome(self, path: str, state: str, command: str) -> None:
        """Of a file that no event names: it is kept beside its record."""
        self._lines.append(f"  {path} {state}")
        self._commands.append(f"qc-edge {command}")

    def raise_if_any(self) -> None:
        """Raises RecordError if there is one."""
        if self._lines:
            raise RecordError(
                "what the log says was in force last is not there as it was:\n"
                + "\n".join(self._lines),
                hint="restore it from a backup, or set a new value on record: "
                + "; ".join(dict.fromkeys(self._commands)),
            )
