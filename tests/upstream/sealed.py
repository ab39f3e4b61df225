"""A station with two sealed days, made without running it, and the place that it sends to."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from qc_edge.publish.seal import seal_path
from qc_edge.records.receipts import read_receipt
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.settings.render import render_settings
from qc_edge.upstream.sync import Sync, SyncReport
from qc_edge.upstream.targets import Access, Target, connect
from qc_edge.upstream.targets.stores import StoreTarget
from tests.publish.rows import at, event, gap, inspection, log

FIRST, SECOND = date(2026, 11, 22), date(2026, 11, 23)
NAME = "line1"


@dataclass(frozen=True)
class SendingStation:
    """Its files, and the directory that is upstream."""

    paths: StationPaths
    upstream: Path

    @property
    def settings(self) -> Settings:
        """As its file says."""
        return load_settings(self.paths.settings)

    @property
    def target(self) -> StoreTarget:
        """The place that it sends to."""
        target = connect(f"file://{self.upstream}", Access({}))
        assert isinstance(target, StoreTarget)
        return target

    def configure(self, **upstream: object) -> None:
        """Write the settings file anew."""
        values = {"url": f"file://{self.upstream}", "same_disk": True} | upstream
        self.paths.settings.parent.mkdir(parents=True, exist_ok=True)
        text = render_settings({"station": {"name": NAME}, "upstream": values}, [])
        self.paths.settings.write_text(text)

    def sync(self, target: Target | None = None, since: date | None = None) -> SyncReport:
        """One night."""
        return Sync(self.paths, self.settings, target or self.target, nothing).run(since)

    def receipted(self) -> list[date]:
        """The days that have a receipt here."""
        return [day for day in (FIRST, SECOND) if read_receipt(self.paths.upstream, day)]

    def sent(self) -> dict[str, str]:
        """Every object upstream by its name, with the digest of its bytes; of receipts, which have
        the time in them, only that they are there.
        """
        return {
            (name := path.relative_to(self.upstream).as_posix()): "receipt"
            if name.startswith("receipts/")
            else hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.upstream.rglob("*")
            if path.is_file() and "#" not in path.name  # what a put was killed in
        }

    def seal(self, day: date) -> Path:
        """The manifest of that day."""
        return seal_path(self.paths.published, day)


def nothing(step: str, done: int, total: int) -> None:
    """No progress bar."""


def make_sending_station(root: Path) -> SendingStation:
    """Two sealed days with rows of three tables, and a third one with the events of their seals."""
    made = SendingStation(StationPaths(root, NAME), root / "upstream")
    made.upstream.mkdir(parents=True)
    made.configure()
    told = at("2026-11-24 00:06")
    with log(made.paths.state, told=told) as kept:
        kept.add(event(at("2026-11-22 09:00")), inspection(at("2026-11-22 12:10")))
        kept.add(gap(at("2026-11-22 12:30")), inspection(at("2026-11-22 13:10"), 0.9))
        kept.add(inspection(at("2026-11-23 07:00")), event(at("2026-11-23 08:00")))
        kept.add(event(at("2026-11-24 00:01")))
        kept.publisher.publish()
        for day in kept.publisher.due(told):
            kept.publisher.seal(day, told)
        kept.publisher.publish()
    return made


def copied(kept: SendingStation, root: Path, **upstream: object) -> SendingStation:
    """The station and what it has sent, in a place of its own."""
    shutil.copytree(kept.paths.root, root)
    copy = SendingStation(StationPaths(root, NAME), root / "upstream")
    copy.configure(**upstream)
    return copy
