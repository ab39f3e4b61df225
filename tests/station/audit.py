"""Holds a station's log against everything else it left: journal, chain, evidence,
announcements.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.settings import StationPaths
from qc_edge.store.log import chain
from qc_edge.vision import pnm
from qc_edge.vision.image import Image, decode, pixels_sha256
from tests.station.harness import lines, spooled

Values = dict[str, Any]


@dataclass(frozen=True)
class Log:
    """All rows, by table, in order of the chain."""

    tables: dict[str, list[Values]]

    @property
    def inspections(self) -> list[Values]:
        """One row for each frame."""
        return self.tables["inspections"]

    @property
    def gaps(self) -> list[Values]:
        """One row for each loss."""
        return self.tables["gaps"]

    @property
    def lost(self) -> int:
        """Frames known to be lost."""
        return sum(gap["lost"] for gap in self.gaps)

    def events_of(self, kind: str) -> list[Values]:
        """The events of one kind."""
        return [event for event in self.tables["events"] if event["kind"] == kind]

    def of(self, name: str) -> Values:
        """The one row of the file that was dropped as `name`."""
        (row,) = [row for row in self.inspections if row["original_name"] == name]
        return row


def read_log(paths: StationPaths) -> Log:
    """The log of a station at rest."""
    with duckdb.connect(str(paths.database), read_only=True) as log:
        tables = {}
        for table in COLUMNS:
            found = log.execute(f"SELECT * FROM {table} ORDER BY chain_seq")
            names = [column[0] for column in found.description or ()]
            tables[table] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return Log(tables)


def audit(paths: StationPaths, announced: Path | None = None, drained: bool = True) -> Log:
    """The log of a station at rest; AssertionError where it breaks a promise.

    drained: nothing may wait in the spool; False for a station whose camera was playing when it was
    stopped.
    """
    log = read_log(paths)
    ids = Counter(row["frame_id"] for row in log.inspections)
    assert max(ids.values(), default=1) == 1, (
        f"more than one row: {[name for name in ids if ids[name] > 1]}"
    )
    check_chain(paths, log)
    check_in_force(log)
    check_parts(log)
    for row in log.inspections:
        check_evidence(paths, row)
    assert not [
        row
        for row in log.inspections
        if row["hold_reason"] == "recovered" and row["disposition"] != "HOLD"
    ]
    if announced:
        check_announcements(log, announced)
    assert not drained or spooled(paths) == [], "something was left in the spool"
    return log


def check_chain(paths: StationPaths, log: Log) -> None:
    """The journal, row by row: numbered without a hole, hashed, and the same in the database."""
    rows = {row["chain_seq"]: (table, row) for table in COLUMNS for row in log.tables[table]}
    previous, count = chain.GENESIS, 0
    for path in sorted(paths.journal.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            count += 1
            seq, sha256, text = line.split("\t")
            assert int(seq) == count, f"{path.name}: {seq} after {count - 1}"
            assert sha256 == chain.chain_hash(previous, count, text), (
                f"the chain is broken at {seq}"
            )
            previous = sha256
            table, row = rows[count]
            assert row["chain_hash"] == sha256
            assert _told(table, row) == json.loads(text), (
                f"row {seq}: journal and database disagree"
            )
    assert sorted(rows) == list(range(1, count + 1)), "rows in the database that the journal lacks"


def _told(table: str, row: Values) -> Values:
    columns = {name: row[name] for name in COLUMNS[table] if row[name] is not None}
    return {"table": table} | {
        name: value.isoformat(timespec="microseconds") + "+00:00"
        if hasattr(value, "isoformat")
        else value
        for name, value in columns.items()
    }


def _judging(state: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """What judges the view of the row, by a snapshot."""
    judging: dict[str, Any] = state.get("views", {}).get(row["view"], state)
    return judging


def check_in_force(log: Log) -> None:
    """What each row was judged by had its event before it: a frame in hand keeps its own."""
    snapshots = [
        (event["chain_seq"], json.loads(event["after"])) for event in log.events_of("in_force")
    ]
    for row in log.inspections:
        assert any(
            seq < row["chain_seq"]
            and row["threshold_id"] == _judging(state, row)["threshold"]
            and row["recipe"] == state.get("recipe")
            and row["calibration_id"] in state["calibrations"].values()
            and row["settings_digest"] == state["settings"]
            and row["model_sha256"] in _judging(state, row)["model"]
            and row["software_version"] == state["software"]
            for seq, state in snapshots
        ), f"row {row['chain_seq']} was judged by what no event before it says is in force"


def check_parts(log: Log) -> None:
    """Each attempt has one row, with frames that are views of it, and no view has none."""
    attempts = Counter(part["attempt_id"] for part in log.tables["parts"])
    assert max(attempts.values(), default=1) == 1, "a part has more than one row"
    frames = [name for part in log.tables["parts"] for name in part["frames"].split()]
    assert len(set(frames)) == len(frames), "a frame is a view of two parts"
    views = {row["frame_id"]: row for row in log.inspections if row["attempt_id"] is not None}
    for part in log.tables["parts"]:
        for name, view in zip(part["frames"].split(), part["views_seen"].split(), strict=True):
            assert (views[name]["attempt_id"], views[name]["view"]) == (part["attempt_id"], view)
    late = {name for name, row in views.items() if row["hold_reason"] == "late_view"}
    assert set(frames) == set(views) - late, "views without a part"


def check_evidence(paths: StationPaths, row: Values) -> None:
    """Every file that the row points to exists and is what the row says."""
    if row["raw_path"] is not None:
        raw = find_raw(paths, row["raw_path"])
        if row["raw_sha256"] is not None:
            is_own = row["original_name"] is None
            assert _image(raw, is_own).sha256 == row["raw_sha256"], f"{raw} is not what was judged"
    else:
        assert row["reason"] == "vanished"
    if row["prepared_path"] is not None:
        prepared = decode((paths.state / row["prepared_path"]).read_bytes(), max_pixels=1 << 20)
        assert pixels_sha256(prepared.gray) == row["prepared_sha256"]
    if row["map_path"] is not None:
        assert _image(paths.state / row["map_path"], is_own=False).sha256 == row["map_sha256"]
    if row["score"] is not None:
        assert row["verdict"] == ("FAIL" if row["score"] >= row["threshold"] else "PASS")


def find_raw(paths: StationPaths, relative: str) -> Path:
    """The raw frame of a row, compressed since or not."""
    raw = paths.state / relative
    return raw if raw.exists() or raw.is_symlink() else raw.with_suffix(".png")


def _image(path: Path, is_own: bool) -> Image:
    """Another node's file may begin like an own frame, and is one no more than by its look."""
    data = path.read_bytes()
    has_header = is_own and data[3:].startswith(b"# qc-edge")
    return pnm.decode_frame(data)[1] if has_header else decode(data, max_pixels=1 << 28)


def check_announcements(log: Log, announced: Path) -> None:
    """Nothing was told without a row, nothing twice, and nothing better than its row says."""
    rows = {row["frame_id"]: row for row in log.inspections if row["attempt_id"] is None}
    rows |= {row["attempt_id"]: row for row in log.tables["parts"]}
    told = [line.split() for line in lines(announced)]
    assert len({frame for frame, _ in told}) == len(told), "a part was announced twice"
    for frame, disposition in told:
        assert frame in rows, f"{frame} was announced and has no row"
        assert disposition in {rows[frame]["disposition"], "HOLD"}
