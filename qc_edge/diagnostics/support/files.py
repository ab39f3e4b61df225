"""The texts and images of a support bundle, secrets still in them. Reads the station only.

What is read here must not leave the box as it is: `support_bundle` removes the secrets.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from itertools import islice
from pathlib import Path
from typing import Any

from qc_edge.diagnostics.doctor import examine
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.liveness import read_status
from qc_edge.diagnostics.support.records import SupportFile, listing, plain_text, record_files
from qc_edge.diagnostics.support.secrets import mask
from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import QcEdgeError
from qc_edge.query.journal_reader import newest_rows
from qc_edge.settings import StationPaths, load_settings
from qc_edge.settings.layers.layer import merge, read_layers
from qc_edge.version import __version__

ROWS = 1000
JOURNAL_LINES = 5000
_COUNTED_ROWS = 20_000
_UNIT_PROPERTIES = "ActiveState,Result,NRestarts,ExecMainStatus,MemoryCurrent"


def support_files(
    paths: StationPaths, host: Host, raw_settings: Mapping[str, Any] | None
) -> Iterator[SupportFile]:
    """Every text of the archive. `raw_settings` are those of the file, None if it is no TOML.

    Raises OSError at the first file that this user may not read.
    """
    yield SupportFile("versions.json", "software, libraries, box", _json(_versions(host)))
    yield _settings(paths, raw_settings)
    if status := read_status(paths):
        yield SupportFile(
            "status.json", "what the station last said of itself", _json(mask(status))
        )
    diagnosis = examine(paths.root, paths.name, host)
    findings = [finding.to_json_values() for finding in diagnosis.findings]
    yield SupportFile(
        "doctor.json", "qc-edge doctor", _json({"colour": diagnosis.colour, "findings": findings})
    )
    unit = f"qc-edge@{paths.name}"
    if lines := host.ask(
        "journalctl", "-u", unit, "-n", str(JOURNAL_LINES), "-o", "short-iso", "-q"
    ):
        yield SupportFile("journal.txt", f"the last lines of journalctl -u {unit}", lines)
    yield from _units(host, unit)
    yield from _log(paths)
    yield from record_files(paths)
    yield SupportFile("files.txt", "names and sizes of the station's files", listing(paths))


def newest_images(paths: StationPaths, frames: int) -> Iterator[Path]:
    """Raw frame, model's input and map of the newest `frames` inspections, those still there."""
    rows = (row for row in newest_rows(paths.journal) if row["table"] == "inspections")
    for row in islice(rows, frames):
        for name in ("raw_path", "prepared_path", "map_path"):
            if isinstance(row.get(name), str) and (path := paths.state / row[name]).is_file():
                yield path


def read_settings_values(file: Path) -> Mapping[str, Any] | None:
    """The settings as they stand in all their files, not validated; None if one is no TOML."""
    try:
        return merge(read_layers(file)).values
    except (OSError, QcEdgeError):
        return None


def _settings(paths: StationPaths, raw: Mapping[str, Any] | None) -> SupportFile:
    """The settings as JSON, which has no comments: an old password may stand in one."""
    if raw is not None:
        refusal = None
        try:
            load_settings(paths.settings)
        except QcEdgeError as error:
            refusal = str(error)
        values = {"file": str(paths.settings), "refused": refusal, "settings": mask(raw)}
        return SupportFile("settings.json", "the settings file, secrets removed", _json(values))
    lines = paths.settings.read_text(encoding="utf-8", errors="replace").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return SupportFile(
        "settings.txt", "the settings file, which is no TOML; comments and secrets removed", text
    )


def _versions(host: Host) -> dict[str, Any]:
    installed = {package.metadata["Name"]: package.version for package in metadata.distributions()}
    return {
        "qc-edge": __version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "system": (host.read("etc/os-release") or "").splitlines()[:4],
        # The rows carry it as well: it tells whether they are from before the last restart.
        "boot_id": host.read("proc/sys/kernel/random/boot_id"),
        "packages": dict(sorted(installed.items(), key=lambda item: item[0].lower())),
    }


def _units(host: Host, unit: str) -> Iterator[SupportFile]:
    if text := host.ask("systemctl", "cat", unit):
        yield SupportFile(f"units/{unit}.txt", f"systemctl cat {unit}", text)
    if text := host.ask("systemctl", "show", unit, f"--property={_UNIT_PROPERTIES}"):
        yield SupportFile(f"units/{unit}.state.txt", f"systemctl show {unit}", text)
    # All units, not only the station's: the target, the clock and the sync count, and systemd may
    # not run here.
    for place in ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"):
        for file in host.matching(f"{place}/qc-edge*"):
            # A link enables a unit whose file stands in another of these directories.
            if file.is_file() and not file.is_symlink():
                yield SupportFile(
                    f"units/{place.replace('/', '-')}/{file.name}",
                    f"/{place}/{file.name}",
                    plain_text(file),
                )


def _log(paths: StationPaths) -> Iterator[SupportFile]:
    schema = resources.files("qc_edge.store.log").joinpath("schema.sql").read_text(encoding="utf-8")
    yield SupportFile("log/schema.sql", "the log's tables", schema)
    # From the journal: a running station has the database to itself, and it may be damaged.
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in COLUMNS}
    tables: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for row in islice(newest_rows(paths.journal), _COUNTED_ROWS):
        tables[row["table"]] += 1
        if row["table"] == "inspections":
            verdicts[f"{row.get('verdict')} {row.get('disposition')} {row.get('reason')}"] += 1
        if row["table"] in rows and len(rows[row["table"]]) < ROWS:
            rows[row["table"]].append(row)
    for table, newest in rows.items():
        if newest:
            yield SupportFile(
                f"log/{table}.csv",
                f"the newest {len(newest):,} rows, newest first",
                _csv(table, newest),
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
    yield SupportFile("log/counts.json", "how much the log holds", _json(counts))


def _csv(table: str, rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    # A row of another version of the software may have columns that this one does not know.
    writer = csv.DictWriter(text, COLUMNS[table], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _json(values: Any) -> str:
    return json.dumps(values, indent=1, default=str) + "\n"
