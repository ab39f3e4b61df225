"""Where the files of a station are. Every path of the product is derived here and nowhere else."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StationPaths:
    """The files of station `name` under the prefix `root` (`/` on an appliance)."""

    root: Path
    name: str

    @property
    def settings(self) -> Path:
        """The file a person edits."""
        return self.root / "etc/qc-edge" / f"{self.name}.toml"

    @property
    def schema(self) -> Path:
        """The JSON schema beside the settings, so that editors complete and check them."""
        return self.root / "etc/qc-edge/station.schema.json"

    @property
    def state(self) -> Path:
        """Everything that must outlive a reboot."""
        return self.root / "var/lib/qc-edge" / self.name

    @property
    def spool(self) -> Path:
        """What capture and inspection share, and nothing else; may be a file server's."""
        return self.state / "spool"

    @property
    def frames(self) -> Path:
        """Spool: whole frames that wait for inspection, named by frame id."""
        return self.spool / "frames"

    @property
    def incoming(self) -> Path:
        """Spool: where other acquisition nodes drop image files."""
        return self.spool / "incoming"

    @property
    def spool_tmp(self) -> Path:
        """Spool: what capture is writing; whatever is here when it starts is torn."""
        return self.spool / "tmp"

    @property
    def claims_tmp(self) -> Path:
        """Spool: dropped files that inspection is copying into `frames`."""
        return self.spool / "taking"

    @property
    def evidence(self) -> Path:
        """What stands behind every row: raw frame, prepared input, defect map."""
        return self.state / "evidence"

    @property
    def quarantine(self) -> Path:
        """Files that could not be read as frames, with the reason beside them."""
        return self.state / "quarantine"

    @property
    def database(self) -> Path:
        """The traceability log."""
        return self.state / "traceability.duckdb"

    @property
    def database_note(self) -> Path:
        """For whoever meets DuckDB's lock on the database: where to look instead."""
        return self.state / "READ-ME-traceability.txt"

    @property
    def journal(self) -> Path:
        """The rows as text, one file an hour: what the database is rebuilt from."""
        return self.state / "journal"

    @property
    def published(self) -> Path:
        """The log as Parquet, one file for each table and hour, for whoever asks."""
        return self.state / "published"

    @property
    def qa(self) -> Path:
        """Views and macros over the published log, for any DuckDB client."""
        return self.state / "qa.duckdb"

    @property
    def set_aside(self) -> Path:
        """Damaged databases and logs, kept for whoever wants to look."""
        return self.state / "set-aside"

    @property
    def calibration(self) -> Path:
        """Dated calibration records, a folder for each camera."""
        return self.state / "calibration"

    @property
    def thresholds(self) -> Path:
        """Dated threshold records, one file a change."""
        return self.state / "thresholds"

    @property
    def activations(self) -> Path:
        """Which bundle judges: dated records, one file a change, and what became of each."""
        return self.state / "activations"

    @property
    def recipes(self) -> Path:
        """What each product needs: a folder for each recipe, one file for each revision of it."""
        return self.state / "recipes"

    @property
    def approvals(self) -> Path:
        """Dated records of recipes that a person has approved."""
        return self.state / "approvals"

    @property
    def changeovers(self) -> Path:
        """Which recipe judges: dated records, one file a changeover, and what became of each."""
        return self.state / "changeovers"

    @property
    def acceptances(self) -> Path:
        """Dated records of moved scores that a person has accepted."""
        return self.state / "acceptances"

    @property
    def page(self) -> Path:
        """What the page keeps for itself: its users and its certificate; nobody else may read."""
        return self.state / "page"

    @property
    def page_users(self) -> Path:
        """Who may use the page."""
        return self.page / "users.json"

    @property
    def page_tokens(self) -> Path:
        """Which programs may use the page's API."""
        return self.page / "tokens.json"

    @property
    def notices(self) -> Path:
        """What other processes have to say to the log, a file each, until it is there."""
        return self.state / "notices"

    @property
    def requests(self) -> Path:
        """What people ask of the station at the page, a file each, until it is done or refused."""
        return self.state / "requests"

    @property
    def labels(self) -> Path:
        """Records of labels that wait to be taken up; the station's group may write here."""
        return self.state / "labels"

    @property
    def holds(self) -> Path:
        """Records of holds and releases that wait to be taken up; the group may write here."""
        return self.state / "holds"

    @property
    def masks(self) -> Path:
        """The masks that labels name, PNG files named by their digest, never removed."""
        return self.state / "masks"

    @property
    def review(self) -> Path:
        """Who is looking at which part just now."""
        return self.state / "review"

    @property
    def upstream(self) -> Path:
        """What is known upstream: a receipt for each day that was sent."""
        return self.state / "upstream"

    @property
    def scores_moved(self) -> Path:
        """What moved when the station last refused an engine, until a person has decided."""
        return self.state / "scores-moved.json"

    @property
    def settings_history(self) -> Path:
        """All settings that were ever in force, as JSON, named by the rows' `settings_digest`."""
        return self.state / "settings"

    @property
    def models(self) -> Path:
        """Bundles installed on this station; the shipped ones stand behind them."""
        return self.state / "models"

    @property
    def plans(self) -> Path:
        """Models compiled for this box's graphics processor; made again when they are missing."""
        return self.state / "plans"

    @property
    def emulated_parts(self) -> Path:
        """Rendered parts that an emulated camera plays."""
        return self.state / "emulated"

    @property
    def run(self) -> Path:
        """What a reboot may forget."""
        return self.root / "run/qc-edge" / self.name

    @property
    def status(self) -> Path:
        """The daemon's answer to `qc-edge status`, written every second."""
        return self.run / "status.json"

    @property
    def metrics(self) -> Path:
        """The socket on which figures are served, where the settings ask for one."""
        return self.run / "metrics.sock"

    def lock(self, role: str) -> tuple[Path, Path]:
        """Held, both, by the one process of this role; versions up to 0.1 look at the second."""
        return self.state / f"{role}.lock", self.run / f"{role}.lock"

    def spool_directories(self) -> tuple[Path, ...]:
        """Those of the spool, which another machine may serve."""
        return self.frames, self.incoming, self.spool_tmp, self.claims_tmp

    def own_directories(self) -> tuple[Path, ...]:
        """Those that this machine keeps itself."""
        kept = self.evidence, self.quarantine, self.journal, self.published
        records = self.calibration, self.thresholds, self.activations, self.acceptances
        own = self.notices, self.requests, self.page, self.models, self.run
        return self.settings.parent, *kept, *records, *own, *self.shared_directories()

    def shared_directories(self) -> tuple[Path, ...]:
        """Those in which members of the station's group may write."""
        return self.labels, self.holds, self.masks, self.review

    def directories(self) -> tuple[Path, ...]:
        """All directories that a station needs."""
        return *self.own_directories(), *self.spool_directories()


def shipped(kind: str) -> Path:
    """The directory `models` or `calibration` of the software: in a checkout, else the prefix."""
    checkout = Path(__file__).parents[2] / kind
    return checkout if checkout.is_dir() else Path(sys.prefix) / "share/qc-edge" / kind
