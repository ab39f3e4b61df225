"""A log that was cut or computed anew agrees with itself; its anchors tell."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from qc_edge.audit.anchors.counted import AnchorOptions
from qc_edge.audit.anchors.journald import AnchorJournal
from qc_edge.audit.finding import AuditReport
from qc_edge.audit.verify import verify
from qc_edge.bundles.signing import make_key
from qc_edge.bundles.signing_key import read_private_key, sign
from qc_edge.domain.anchor import Anchor, ChainHead
from qc_edge.errors import AuditError
from qc_edge.settings import StationPaths
from qc_edge.store.log.chain import GENESIS, chain_hash
from tests.audit.rows import publish
from tests.audit.test_planted import kinds
from tests.cli.runner import invoke
from tests.station.harness import NAME, wait_for

UNIT = f"qc-edge@{NAME}.service"
JOURNALD = Path("/lib/systemd/systemd-journald")


def heads(paths: StationPaths) -> list[ChainHead]:
    """Every row of the station's journal, oldest first."""
    return [
        ChainHead(int(seq), sha256, datetime.fromisoformat(json.loads(text)["recorded_at"]))
        for path in sorted(paths.journal.glob("*.jsonl"))
        for seq, sha256, text in (line.split("\t", 2) for line in path.read_text().splitlines())
    ]


def message(anchor: Anchor, unit: str = UNIT, **fields: Any) -> dict[str, Any]:
    """An anchor as `journalctl -o json` shows it, taken by journald a second after its row."""
    micros = round(anchor.head.recorded_at.timestamp() * 1e6) + 1_000_000
    return {
        "__REALTIME_TIMESTAMP": str(micros),
        "MESSAGE": "anchor",
        "_SYSTEMD_UNIT": unit,
        **anchor.fields(),
        **fields,
    }


def journal(paths: StationPaths, messages: Sequence[dict[str, Any]]) -> AnchorJournal:
    """A journal with these messages, as it was exported."""
    place = paths.root / "anchors.json"
    place.write_text("".join(json.dumps(each) + "\n" for each in messages))
    return AnchorJournal(place)


@pytest.fixture
def anchored(paths: StationPaths) -> AnchorJournal:
    """The journal of the station before anything was done to it: every third row, and the last."""
    rows = heads(paths)
    return journal(paths, [message(Anchor(NAME, row)) for row in [*rows[::3], rows[-1]]])


def audit(paths: StationPaths, journal: AnchorJournal, key: str | None = None) -> AuditReport:
    return verify(paths, anchors=AnchorOptions(journal, key))


def rewrite(paths: StationPaths, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """What whoever owns the files can do: other rows, every hash anew, all copies to match."""
    files = sorted(paths.journal.glob("*.jsonl"))
    texts = [line.split("\t", 2)[2] for path in files for line in path.read_text().splitlines()]
    rows = [json.loads(text) for text in texts]
    change(rows)
    sha256, lines = GENESIS, []
    for seq, row in enumerate(rows, 1):
        text = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        sha256 = chain_hash(sha256, seq, text)
        lines.append(f"{seq}\t{sha256}\t{text}\n")
    for path in files:
        path.unlink()
    files[-1].write_text("".join(lines))
    paths.database.unlink()
    shutil.rmtree(paths.published)
    publish(paths)


def inspected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["table"] == "inspections"]


def test_an_untouched_log_is_proven_up_to_its_last_row(
    paths: StationPaths, anchored: AnchorJournal
) -> None:
    report = audit(paths, anchored)
    assert report.is_clean, report.findings
    assert report.anchored_to == heads(paths)[-1]
    (note,) = [each for each in report.findings if each.kind == "anchored"]
    at = f"{heads(paths)[-1].recorded_at:%Y-%m-%d %H:%M:%S} UTC"
    assert at in note.what
    assert "0 rows after it have none" in note.what


def test_a_log_that_was_written_anew_as_a_whole_differs_from_its_anchors(
    paths: StationPaths, anchored: AnchorJournal
) -> None:
    number = next(
        seq
        for seq, row in enumerate(map(json.loads, _texts(paths)), 1)
        if row["table"] == "inspections" and row["verdict"] == "FAIL"
    )

    def exonerate(rows: list[dict[str, Any]]) -> None:
        bad = next(row for row in inspected(rows) if row["verdict"] == "FAIL")
        bad["part_id"] = "another"

    rewrite(paths, exonerate)
    assert "anchor_differs" not in kinds(verify(paths))
    assert kinds(verify(paths)) == set(), "it agrees with itself"
    report = audit(paths, anchored)
    assert "anchor_differs" in kinds(report)
    proven = report.anchored_to
    assert proven is not None
    assert proven.seq < number
    (finding,) = [each for each in report.findings if each.kind == "anchor_differs"]
    assert f"rows from number {proven.seq + 1} to" in finding.what


def _texts(paths: StationPaths) -> list[str]:
    return [
        line.split("\t", 2)[2]
        for path in sorted(paths.journal.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def test_an_end_that_was_cut_off_is_missed(paths: StationPaths, anchored: AnchorJournal) -> None:
    last = heads(paths)[-1].seq
    # Labels, the gap, the event and the shadow's score that the fixture has added at the end.
    rewrite(paths, lambda rows: rows.__delitem__(slice(-4, None)))
    assert kinds(verify(paths)) == set(), "it agrees with itself"
    report = audit(paths, anchored)
    assert kinds(report) == {"tail_cut"}
    (finding,) = [each for each in report.findings if each.kind == "tail_cut"]
    assert f"ends with row {last - 4}, and row {last} was anchored" in finding.what
    assert report.anchored_to is not None


def test_a_log_that_went_on_after_it_was_cut_differs(
    paths: StationPaths, anchored: AnchorJournal
) -> None:
    def replaced(rows: list[dict[str, Any]]) -> None:
        end = [row | {"detail": "other words"} for row in rows if row["table"] == "events"][:8]
        rows[-4:] = end

    rewrite(paths, replaced)
    assert "anchor_differs" in kinds(audit(paths, anchored))


def test_a_log_whose_anchors_end_long_before_it_is_told(paths: StationPaths) -> None:
    rows = heads(paths)
    early = replace(rows[2], recorded_at=rows[-1].recorded_at - timedelta(minutes=10))
    report = audit(paths, journal(paths, [message(Anchor(NAME, early))]))
    assert kinds(report) == {"anchors_end"}


def test_messages_that_somebody_else_sent_count_for_nothing(
    paths: StationPaths, anchored: AnchorJournal
) -> None:
    """Anybody may send any fields to journald: no false alarm of a log that was cut."""
    head = heads(paths)[-1]
    forged = Anchor(NAME, replace(head, seq=head.seq + 1000))
    assert anchored.place is not None
    with anchored.place.open("a") as file:
        file.write(json.dumps(message(forged, "user@1000.service")) + "\n")
        file.write(json.dumps(message(forged, QC_EDGE_CHAIN_SEQ="many")) + "\n")
    report = audit(paths, anchored)
    assert kinds(report) == {"anchor_foreign", "anchor_damaged"}
    assert report.anchored_to == head


def test_without_anchors_it_says_why(
    paths: StationPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def why(journal: AnchorJournal) -> str:
        report = audit(paths, journal)
        assert kinds(report) == {"no_anchors"}
        assert report.anchored_to is None
        return next(f"{e.what} {e.hint}" for e in report.findings if e.kind == "no_anchors")

    assert "has none of line1" in why(journal(paths, []))
    assert "No such file" in why(AnchorJournal(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "journalctl is not installed" in why(AnchorJournal())
    # What journalctl says to a user who is in none of its groups.
    words = "No journal files were opened due to insufficient permissions."
    (tmp_path / "journalctl").write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    (tmp_path / "journalctl").chmod(0o755)
    assert "join the group systemd-journal" in why(AnchorJournal())


def test_with_a_key_only_its_anchors_count(paths: StationPaths, tmp_path: Path) -> None:
    keys = {name: make_key(tmp_path / name) for name in ("ours", "theirs")}
    rows = heads(paths)

    def signed(head: ChainHead, name: str) -> Anchor:
        plain = Anchor(NAME, head)
        key = read_private_key((tmp_path / name).read_bytes())
        return replace(plain, key=keys[name], signature=sign(key, plain.signed))

    good = journal(paths, [message(signed(row, "ours")) for row in rows])
    assert audit(paths, good, keys["ours"]).is_clean
    assert kinds(audit(paths, good, keys["theirs"])) == {"anchor_signature", "no_anchors"}
    moved = replace(signed(rows[-2], "ours"), head=rows[-1])
    mixed = journal(
        paths, [message(signed(rows[-3], "ours")), message(moved), message(Anchor(NAME, rows[-1]))]
    )
    report = audit(paths, mixed, keys["ours"])
    assert kinds(report) == {"anchor_signature", "anchor_unsigned"}
    assert report.anchored_to == rows[-3]


def test_the_command_says_up_to_where_the_log_is_proven(
    paths: StationPaths, anchored: AnchorJournal
) -> None:
    place = str(anchored.place)
    said = invoke("verify", NAME, "--root", paths.root, "--journal", place)
    assert said.exit_code == 0
    assert "proven up to row" in " ".join(said.stdout.split())
    said = invoke("verify", NAME, "--root", paths.root, "--anchors", "--journal", place, "--json")
    last = heads(paths)[-1]
    assert json.loads(said.stdout)["anchored_to"] == {
        "row": last.seq,
        "recorded_at": last.recorded_at.isoformat(),
    }
    later = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    said = invoke("verify", NAME, "--root", paths.root, "--journal", place, "--since", later)
    assert isinstance(said.exception, AuditError)
    assert "has none of line1" in " ".join(said.stdout.split())


@pytest.fixture
def journald() -> Iterator[Callable[[bytes], None]]:
    """A real journald of a namespace of its own: sends a message and gives its directory."""
    if os.geteuid() or not JOURNALD.exists() or not shutil.which("journalctl"):
        pytest.skip("needs systemd-journald and root")
    name = f"qctest{os.getpid()}"
    run = Path(f"/run/systemd/journal.{name}")
    running = subprocess.Popen([JOURNALD, name], env={"SYSTEMD_LOG_TARGET": "null"})
    stored = [
        Path(base) / f"{Path('/etc/machine-id').read_text().strip()}.{name}"
        for base in ("/var/log/journal", "/run/log/journal")
    ]
    try:
        wait_for((run / "socket").exists, "journald listens")

        def send(data: bytes) -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(data, str(run / "socket"))

        yield send
    finally:
        running.terminate()
        running.wait(10)
        for directory in [run, *stored]:
            shutil.rmtree(directory, ignore_errors=True)


def test_anchors_come_back_from_a_real_journal(
    paths: StationPaths, journald: Callable[[bytes], None]
) -> None:
    rows = heads(paths)
    fields = Anchor(NAME, rows[-1]).fields() | {"MESSAGE": "anchor"}
    journald("".join(f"{name}={value}\n" for name, value in fields.items()).encode())
    other = Anchor("line2", rows[-1]).fields()
    journald("".join(f"{name}={value}\n" for name, value in other.items()).encode())

    def stored() -> list[Path]:
        places = [Path("/var/log/journal"), Path("/run/log/journal")]
        found = [path for place in places for path in place.glob(f"*.qctest{os.getpid()}")]
        return [path for path in found if list(AnchorJournal(path).read(NAME))]

    (directory,) = wait_for(stored, "journald has written it")
    for place in (directory, directory / "system.journal"):
        (kept,) = AnchorJournal(place).read(NAME)
        assert kept.anchor == Anchor(NAME, rows[-1])
        assert abs(kept.kept_at - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert AnchorJournal(directory).is_sealed is False
    # This process is no station's unit, and journald says so.
    assert {"anchor_foreign", "no_anchors"} == kinds(audit(paths, AnchorJournal(directory)))


def test_rows_that_only_the_published_files_have_are_held_against_anchors(
    paths: StationPaths, anchored: AnchorJournal
) -> None:
    """An old journal may be gone: upstream has published files and seals alone."""
    head = heads(paths)[-1]
    for path in paths.journal.glob("*.jsonl"):
        path.unlink()
    paths.database.unlink()
    assert audit(paths, anchored).anchored_to == head
