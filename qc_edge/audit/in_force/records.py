"""The records on the disk held against the events: each there, unchanged, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.audit.in_force.claims import Claim, RecordEvent, claims, claims_of_kind
from qc_edge.bundles.bundle import open_bundle
from qc_edge.domain.activation import STATION_RECIPE
from qc_edge.errors import CalibrationError, ModelError
from qc_edge.records import (
    acceptances,
    activations,
    approvals,
    calibrations,
    changeovers,
    recipes,
    thresholds,
)
from qc_edge.records.logged_record import record_path, record_state
from qc_edge.records.record_file import file_digest
from qc_edge.settings import StationPaths

_RESTORE = "restore it from a backup: a record is never changed or removed; the event says whose"
_STRANGER = "find out who put it there, and move it away"


@dataclass(slots=True)
class RecordCheck:
    """Thresholds, activations, acceptances, calibrations, settings and bundles of one station."""

    report: AuditReport
    paths: StationPaths
    events: Sequence[RecordEvent]

    def check(self, step: AuditStep) -> None:
        """Hold each record against the events, and each file of a record against itself."""
        told = claims(self.events)
        wrong = {claim.path for claim in told if self._check_claim(claim)}
        step.advance(len({claim.path for claim in told}))
        for path in self._damaged():
            if path not in wrong:
                message = "is not as it was made: its content does not have its own digest"
                self.report.fault("record_damaged", message, path, _RESTORE)
        self._check_bundles(claims_of_kind(told, "models"), wrong)
        self._check_strangers()
        self._check_outcomes("activation", self.paths.activations, "model", "activation_refused")
        self._check_outcomes("changeover", self.paths.changeovers, "recipe", "recipe_refused")
        self._check_approvals()

    def _check_claim(self, claim: Claim) -> bool:
        """True if the record is not as its event says."""
        state = record_state(self.paths, claim.path, claim.sha256)
        if not state:
            return False
        kind = "record_missing" if state == "is missing" else "record_changed"
        digest = f" with sha256 {claim.sha256}" if claim.sha256 else ""
        self.report.fault(kind, f"{state}; {claim.words} has it{digest}", claim.path, _RESTORE)
        return True

    def _damaged(self) -> Iterator[str]:
        """The records that prove themselves wrong, told or not; and what is no record at all."""
        for directory, records in (
            (self.paths.thresholds, thresholds.sound_and_damaged),
            (self.paths.activations, activations.sound_and_damaged),
            (self.paths.acceptances, acceptances.sound_and_damaged),
            (self.paths.approvals, approvals.sound_and_damaged),
            (self.paths.changeovers, changeovers.sound_and_damaged),
        ):
            yield from (f"{directory.name}/{name}.toml" for name in records(directory)[1])
        yield from map(recipes.recipe_path, recipes.damaged(self.paths.recipes))
        for path in sorted(self.paths.calibration.glob("*/*.toml")):
            try:
                calibrations.load(path)
            except CalibrationError:
                yield self._name(path)
        for path in sorted(self.paths.settings_history.glob("*.json")):
            if file_digest(path) != path.stem:
                yield self._name(path)

    def _check_bundles(self, told: Sequence[Claim], wrong: set[str]) -> None:
        """Every file of every bundle: those that are installed, and those that have judged."""
        directories = {path.parent for path in self.paths.models.glob("*/*/bundle.toml")}
        directories |= {record_path(self.paths, claim.path).parent for claim in told}
        for directory in sorted(directories):
            name = f"models/{directory.parent.name}/{directory.name}"
            if f"{name}/bundle.toml" in wrong or not directory.is_dir():
                continue
            try:
                open_bundle(directory)
            except ModelError as fault:
                self.report.fault("bundle_changed", fault.message, name, fault.hint)
        known = set(map(str, directories))
        for path in sorted(self.paths.models.rglob("*")):
            inside = any(str(parent) in known for parent in path.parents)
            hidden = path.relative_to(self.paths.models).parts[0].startswith(".")
            if path.is_file() and not inside and not hidden:
                message = "belongs to no bundle, or to one whose bundle.toml is gone"
                self.report.fault("bundle_changed", message, self._name(path), _STRANGER)

    def check_untold(self) -> None:
        """A snapshot of settings is written just before its event: without one, rows are missing.

        Only where `events` are those of the whole log.
        """
        told = {claim.path for claim in claims(self.events)}
        for path in sorted(self.paths.settings_history.glob("*.json")):
            if (name := self._name(path)) not in told:
                self.report.warning(
                    "record_untold",
                    "no event says that these settings were ever in force",
                    name,
                    "a power cut may leave one; otherwise the newest rows were cut off the log",
                )

    def _check_strangers(self) -> None:
        """Nothing lies among the records that is none."""
        for directory, endings in (
            (self.paths.thresholds, {".toml"}),
            (self.paths.activations, {".toml", ".json"}),
            (self.paths.acceptances, {".toml"}),
            (self.paths.approvals, {".toml"}),
            (self.paths.changeovers, {".toml", ".json"}),
            *((folder, {".toml"}) for folder in sorted(self.paths.recipes.glob("*"))),
            (self.paths.settings_history, {".json"}),
            *((folder, {".toml"}) for folder in sorted(self.paths.calibration.glob("*"))),
        ):
            for path in sorted(directory.glob("*") if directory.is_dir() else ()):
                if path.suffix not in endings and not path.name.startswith("."):
                    message = "is no record of the station"
                    self.report.warning("stranger", message, self._name(path), _STRANGER)

    def _check_outcomes(self, decision: str, directory: Path, is_applied: str, no: str) -> None:
        """What is kept beside each decision agrees with the log: its events of these two kinds."""
        applied = {event.record for event in self.events if event.kind == is_applied}
        refused = {event.record for event in self.events if event.kind == no}
        for path in sorted(directory.glob("*.toml")):
            record, outcome = self._name(path), path.with_suffix(".json")
            if record not in applied | refused:
                continue  # to come, overtaken, or of an earlier version
            try:
                said = json.loads(outcome.read_bytes())["applied"]
            except FileNotFoundError:
                self.report.warning(
                    "outcome_missing",
                    f"is missing: the log says what became of that {decision}",
                    self._name(outcome),
                    "start the station: it takes the newest one up again, and writes it",
                )
            except (OSError, ValueError, KeyError, TypeError) as fault:
                message = f"does not read: {fault}"
                self.report.fault("record_damaged", message, self._name(outcome), _RESTORE)
            else:
                if record not in (applied if said else refused):
                    what = "in force" if said else "refused"
                    message = f"says that the {decision} was {what}; no event says so"
                    self.report.fault("record_changed", message, self._name(outcome), _RESTORE)

    def _check_approvals(self) -> None:
        """Each recipe that ever judged has its approval: who and when stands nowhere else."""
        sound, damaged = approvals.sound_and_damaged(self.paths.approvals)
        approved = {each.recipe for each in sound} | {STATION_RECIPE}
        judged = {event.after for event in self.events if event.kind == "recipe" and event.after}
        for reference in sorted(judged - approved) if not damaged else ():
            message = f"no approval of {reference} is there, which judged"
            self.report.fault("record_missing", message, "approvals/", _RESTORE)

    def _name(self, path: Path) -> str:
        return PurePosixPath(path.relative_to(self.paths.state)).as_posix()
