"""Makes the pack: reads the log and the records, and writes one archive, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from qc_edge.audit.verify import verify
from qc_edge.bundles.signing_key import public_text, read_key_file, sign
from qc_edge.discipline.audit_pack.index import index_sheet
from qc_edge.discipline.audit_pack.period import AuditPeriod
from qc_edge.discipline.audit_pack.tables import REGISTER, pack_tables
from qc_edge.discipline.msa.station import studies
from qc_edge.discipline.spc.examine import examine
from qc_edge.discipline.spc.tables import spc_json, spc_sheet
from qc_edge.domain.calibration import calibration_record
from qc_edge.domain.printable import csv_cell
from qc_edge.errors import UsageError
from qc_edge.query.control.period_tables import NamedRows, as_utc
from qc_edge.query.published_log import PublishedLog
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.durable import write_file
from qc_edge.version import __version__

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
DOMAIN = b"qc-edge audit pack 1\n"
"""Signed before the manifest, so that a signature made for anything else is none for a pack."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class MadePack:
    """What was written: where, how many files, by which key it is signed ("" by none), and whether
    verify found the log sound.
    """

    path: Path
    files: int
    key: str
    is_sound: bool


@dataclass(slots=True)
class _Files:
    """The files so far, with the words for the index."""

    content: dict[str, bytes] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, content: bytes, words: str) -> None:
        self.content[name], self.words[name] = content, words


def make_pack(
    paths: StationPaths,
    settings: Settings,
    period: AuditPeriod,
    out: Path,
    key_file: Path | None,
    *,
    sample: float,
    now: datetime,
) -> MadePack:
    """Write the pack of `period` to `out`; `sample` (0..1) of the rows have their pictures looked
    at by verify. Raises UsageError if nothing was recorded in the period or for a file that is no
    key, or StoreError.
    """
    key = read_key_file(key_file) if key_file else None
    files, until = _Files(), min(period.ends, now)
    with PublishedLog(paths.published) as log:
        tables = pack_tables(log.cursor(), paths, period)
    if not any(rows for name, (_, rows), _ in tables if name != REGISTER):
        raise UsageError(
            f"nothing was recorded by {paths.name} from {period.name}: there is nothing to pack",
            hint="qc-edge sql NAME 'SELECT min(recorded_at), max(recorded_at) FROM inspections' "
            "has the times",
        )
    for name, named, words in tables:
        files.add(f"{name}.csv", _csv(named), f"{words}: {len(named[1]):,} rows")
    for name, content in _records(paths, tables):
        files.add(name, content, "a record as its file has it")
    _add_studies(files, paths, period)
    report = examine(paths, settings.spc, period.begins, until)
    calendar = settings.station.calendar
    files.add("spc.html", spc_sheet(report, calendar).html().encode(), "control charts")
    files.add("spc.json", _json(spc_json(report, calendar)), "the same as values")
    audit = verify(paths, period.begins, sample)
    findings = [asdict(each) for each in audit.findings]
    files.add(
        "verify.json",
        _json({"ok": audit.is_clean, "since": period.begins, "findings": findings}),
        "what qc-edge verify found: " + ("all holds" if audit.is_clean else "NOT all holds"),
    )
    public = public_text(key) if key else ""
    index = index_sheet(paths.name, period, files.words, findings, public, now).html()
    made = {"index.html": index.encode(), **files.content}
    manifest = _json(
        {
            "station": paths.name,
            "period": period.name,
            "begins": period.begins,
            "ends": period.ends,
            "made_at": now,
            "software": f"qc-edge {__version__}",
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in made.items()},
        }
    )
    made[MANIFEST] = manifest
    if key:
        signed = {"format": 1, "key": public, "signature": sign(key, DOMAIN + manifest)}
        made[SIGNATURE] = _json(signed)
    write_file(out, _archive(made))
    return MadePack(out, len(made), public, audit.is_clean)


def _records(
    paths: StationPaths, tables: Sequence[tuple[str, NamedRows, str]]
) -> Iterator[tuple[str, bytes]]:
    """The files that events of the period put in force, and those by which its frames were judged,
    as they are now: the digest in the event says whether they still are what they were.
    """
    by_name = {name: named for name, named, _ in tables}
    records = set(_column(by_name["records-in-force"], "record"))
    records |= {calibration_record(each) for each in _column(by_name["software"], "calibration_id")}
    records |= {f"thresholds/{each}.toml" for each in _column(by_name["software"], "threshold_id")}
    for record in sorted(records):
        path = (paths.state / record).resolve()
        if path.is_file() and path.is_relative_to(paths.state.resolve()):
            yield f"records/{record}", path.read_bytes()


def _column(named: NamedRows, column: str) -> list[str]:
    names, rows = named
    return [str(row[names.index(column)]) for row in rows if row[names.index(column)]]


def _add_studies(files: _Files, paths: StationPaths, period: AuditPeriod) -> None:
    for path in sorted(studies(paths).glob("*.json")):
        content = path.read_bytes()
        try:
            at = datetime.fromisoformat(json.loads(content)["at"])
            is_of_period = period.begins <= at < period.ends
        except (ValueError, KeyError, TypeError):
            continue  # verify's business, not this one's
        if is_of_period:
            files.add(f"msa/{path.name}", content, "a study with its trials and results")


def _csv(named: NamedRows) -> bytes:
    names, rows = named
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([csv_cell(as_utc(cell)) for cell in row] for row in rows)
    return text.getvalue().encode()


def _json(values: object) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False, default=_plain) + "\n").encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _archive(files: dict[str, bytes]) -> bytes:
    """A ZIP with one date for all, so that the same files make the same archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
