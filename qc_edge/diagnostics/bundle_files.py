"""What goes into the archive, piece by piece, secrets still in it. Reads the station, changes
nothing.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from qc_edge import store
from qc_edge.diagnostics.doctor import examine
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.liveness import read_status
from qc_edge.diagnostics.secrets import mask
from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import QcEdgeError
from qc_edge.query.recent_rows import newest_rows
from qc_edge.settings import StationPaths, load_settings, toml
from qc_edge.settings.paths import shipped
from qc_edge.version import __version__

ROWS = 1000
JOURNAL_LINES = 5000
_COUNTED = 20_000
_LISTED = 200
_PICTURE = re.compile(r'^(\s*png\s*=\s*)(".*"|\'.*\')', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A text of the archive: its name there, what it is, the text."""

    name: str
    what: str
    text: str


def pieces(
    paths: StationPaths, host: Host, raw_settings: Mapping[str, Any] | None
) -> Iterator[BundleFile]:
    """Every text. One that cannot be made is left out and said by the caller, who gets its
    OSError.
    """
    yield BundleFile("versions.json", "software, libraries, box", _json(_versions(host)))
    yield _settings(paths, raw_settings)
    if status := read_status(paths):
        yield BundleFile("status.json", "what the station last said of itself", _json(mask(status)))
    diagnosis = examine(paths.root, paths.name, host)
    findings = [asdict(finding) for finding in diagnosis.findings]
    yield BundleFile(
        "doctor.json", "qc-edge doctor", _json({"colour": diagnosis.colour, "findings": findings})
    )
    unit = f"qc-edge@{paths.name}"
    if said := host.ask(
        "journalctl", "-u", unit, "-n", str(JOURNAL_LINES), "-o", "short-iso", "-q"
    ):
        yield BundleFile("journal.txt", f"the last lines of journalctl -u {unit}", said)
    yield from _units(host, unit)
    yield from _log(paths)
    yield from _records(paths)
    yield BundleFile("files.txt", "names and sizes of the station's files", _files(paths))


def images(paths: StationPaths, frames: int) -> Iterator[Path]:
    """The evidence of the newest `frames` inspections that is still there: raw frame, model's
    input, map.
    """
    rows = (row for row in newest_rows(paths.journal) if row["table"] == "inspections")
    for row in islice(rows, frames):
        for name in ("raw_path", "prepared_path", "map_path"):
            if isinstance(row.get(name), str) and (path := paths.state / row[name]).is_file():
                yield path


def read_raw(file: Path) -> Mapping[str, Any] | None:
    """The settings as they stand in the file, None if they are no TOML."""
    try:
        values: Mapping[str, Any] = toml.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    return values


def _settings(paths: StationPaths, raw: Mapping[str, Any] | None) -> BundleFile:
    """As JSON, without comments: a secret may stand in one."""
    if raw is not None:
        try:
            load_settings(paths.settings)
            fault = None
        except QcEdgeError as refused:
            fault = str(refused)
        values = {"file": str(paths.settings), "refused": fault, "settings": mask(raw)}
        return BundleFile("settings.json", "the settings file, secrets removed", _json(values))
    lines = paths.settings.read_text(encoding="utf-8", errors="replace").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return BundleFile(
        "settings.txt", "the settings file, which is no TOML; comments and secrets removed", text
    )


def _versions(host: Host) -> dict[str, Any]:
    installed = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    return {
        "qc-edge": __version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "system": (host.read("etc/os-release") or "").splitlines()[:4],
        "boot_id": host.read("proc/sys/kernel/random/boot_id"),
        "packages": dict(sorted(installed.items(), key=lambda item: item[0].lower())),
    }


def _units(host: Host, unit: str) -> Iterator[BundleFile]:
    if said := host.ask("systemctl", "cat", unit):
        yield BundleFile(f"units/{unit}.txt", f"systemctl cat {unit}", said)
    if said := host.ask(
        "systemctl",
        "show",
        unit,
        "--property=ActiveState,Result,NRestarts,ExecMainStatus,MemoryCurrent",
    ):
        yield BundleFile(f"units/{unit}.state.txt", f"systemctl show {unit}", said)
    for place in ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"):
        for file in host.matching(f"{place}/qc-edge*"):
            if file.is_file() and not file.is_symlink():
                yield BundleFile(
                    f"units/{place.replace('/', '-')}/{file.name}",
                    f"/{place}/{file.name}",
                    file.read_text(),
                )


def _log(paths: StationPaths) -> Iterator[BundleFile]:
    schema = Path(store.__file__).with_name("schema.sql").read_text(encoding="utf-8")
    yield BundleFile("log/schema.sql", "the log's tables", schema)
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in COLUMNS}
    tables: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for row in islice(newest_rows(paths.journal), _COUNTED):
        tables[row["table"]] += 1
        if row["table"] == "inspections":
            verdicts[f"{row.get('verdict')} {row.get('disposition')} {row.get('reason')}"] += 1
        if row["table"] in rows and len(rows[row["table"]]) < ROWS:
            rows[row["table"]].append(row)
    for table, found in rows.items():
        if found:
            yield BundleFile(
                f"log/{table}.csv",
                f"the newest {len(found):,} rows, newest first",
                _csv(table, found),
            )
    hours = sorted(paths.journal.glob("*.jsonl"))
    counts = {
        "journal_hours": len(hours),
        "journal_bytes": sum(file.stat().st_size for file in hours),
        "journal_from": hours[0].stem if hours else None,
        "journal_to": hours[-1].stem if hours else None,
        "of_the_newest_rows": sum(tables.values()),
        "by_table": dict(tables),
        "by_verdict": dict(verdicts.most_common()),
    }
    yield BundleFile("log/counts.json", "how much the log holds", _json(counts))


def _records(paths: StationPaths) -> Iterator[BundleFile]:
    for file in sorted(paths.calibration.glob("*/*.toml")):
        text = _PICTURE.sub(r'\1"(a picture of a part: removed)"', file.read_text(encoding="utf-8"))
        yield BundleFile(
            f"calibration/{file.parent.name}/{file.name}",
            "a calibration, without its picture",
            text,
        )
    for file in sorted(paths.thresholds.glob("*.toml")):
        yield BundleFile(
            f"thresholds/{file.name}", "a threshold record", file.read_text(encoding="utf-8")
        )
    for file in sorted([*paths.activations.glob("*.*"), *paths.acceptances.glob("*.toml")]):
        about = (
            "who put which model in force"
            if file.parent == paths.activations
            else "scores accepted"
        )
        yield BundleFile(f"{file.parent.name}/{file.name}", about, file.read_text(encoding="utf-8"))
    for place in (paths.models, shipped("models")):
        for file in sorted(place.glob("*/*/bundle.toml")):
            name = f"models/{file.parent.parent.name}-{file.parent.name}.toml"
            yield BundleFile(name, f"the manifest {file}", file.read_text(encoding="utf-8"))


def _files(paths: StationPaths) -> str:
    lines = []
    for directory in (
        paths.frames,
        paths.incoming,
        paths.quarantine,
        paths.set_aside,
        paths.journal,
    ):
        found = sorted(directory.glob("*")) if directory.is_dir() else []
        lines.append(f"{directory}: {len(found)} entries")
        lines += [f"  {each.lstat().st_size:>12,} {each.name}" for each in found[-_LISTED:]]
    for file in (paths.database, Path(f"{paths.database}.wal"), paths.qa):
        if file.exists():
            lines.append(f"{file}: {file.stat().st_size:,} bytes")
    days = sorted(each.name for each in paths.evidence.glob("*")) if paths.evidence.is_dir() else []
    lines.append(f"{paths.evidence}: {len(days)} days, {' to '.join([*days[:1], *days[-1:]])}")
    return "\n".join(lines) + "\n"


def _csv(table: str, rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[table], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _json(values: Any) -> str:
    return json.dumps(values, indent=1, default=str) + "\n"
