"""What stands beside the rows and decides: records, calibrations, bundles, masks and settings, sent
so that a station can be made again from upstream alone.

Each file is an object under the digest of its bytes, and a numbered index says which file had which
content that night. Nothing secret is among them: no users, no keys, no credentials.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import UpstreamError
from qc_edge.settings import StationPaths
from qc_edge.settings.layers.layer import COMMON, common_files
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.targets import Target

_FORMAT = 1
SETTINGS = "settings.toml"
"""In an index, the name of the station's settings file. The files that stations share are
`common.d/...`, all others are paths in its state.
"""


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """The content of every file by its path, as sha256 (hex)."""

    files: dict[str, str]

    def to_json(self) -> bytes:
        """The bytes of an index; equal ones for equal content."""
        return json.dumps(
            {"format": _FORMAT, "files": self.files}, indent=1, sort_keys=True
        ).encode()


def send_records(paths: StationPaths, target: Target, names: StationNames) -> int:
    """Send what has changed since the newest index, then a new index; how many files it has.

    Raises UpstreamError, OSError.
    """
    number, before = newest_index(target, names)
    known = set(before.files.values()) if before else set[str]()
    files = {}
    for name, path in record_files(paths):
        data = path.read_bytes()
        digest = files[name] = hashlib.sha256(data).hexdigest()
        if digest not in known:
            known.add(digest)
            where = names.record(digest)
            target.put_if_absent(where, data)
            if hashlib.sha256(target.get(where) or b"").hexdigest() != digest:
                raise UpstreamError(
                    f"{target.url}/{where} does not hold {name}",
                    hint="do not trust that server or disk; look at its log",
                )
    index = RecordIndex(files)
    if index != before:
        target.put_if_absent(names.index(number + 1), index.to_json())
    return len(files)


def newest_index(target: Target, names: StationNames) -> tuple[int, RecordIndex | None]:
    """The newest index upstream, and the highest number that is taken; 0 and None before there is
    one.

    Raises UpstreamError.
    """
    number, name, data = target.newest(names.indexes)
    if not data:
        return number, None
    try:
        values = json.loads(data)
        if values["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}")
        return number, RecordIndex(dict(values["files"]))
    except (ValueError, KeyError, TypeError) as fault:
        raise UpstreamError(
            f"{target.url}/{name} is no index of records: {fault}", hint="who else writes there?"
        ) from None


def record_files(paths: StationPaths) -> Iterator[tuple[str, Path]]:
    """The files of a station that go along, each with its name in an index."""
    yield SETTINGS, paths.settings
    for path in common_files(paths.settings.parent):
        yield f"{COMMON}/{path.name}", path
    for directory in (
        paths.calibration,
        paths.thresholds,
        paths.activations,
        paths.recipes,
        paths.approvals,
        paths.changeovers,
        paths.acceptances,
        paths.settings_history,
        paths.models,
        paths.masks,
    ):
        for path in sorted(directory.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
            if path.is_file() and not path.is_symlink() and not hidden:
                yield path.relative_to(paths.state).as_posix(), path
