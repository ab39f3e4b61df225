"""`qc-edge line`: a station's outputs on the terminal, and a trial of the wire."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from qc_edge.errors import OutputError, UsageError
from qc_edge.output.links.scripted import ScriptedLink
from qc_edge.station.status import Status
from tests.cli.runner import invoke
from tests.output.web_receiver import receiving
from tests.station.audit import audit
from tests.station.harness import NAME, drop, make_station, part, running, wait_for

OUTPUT = {"name": "plc", "protocol": "scripted", "peer_heartbeat_ms": 0.0, "stands_ms": 5000.0}


def play(found: list[str]) -> None:
    """The line's program: reset, trigger, and the acknowledge of what comes."""
    link = wait_for(lambda: ScriptedLink.made.get("plc") and ScriptedLink.made["plc"], "a wire")
    wait_for(lambda: link.peers, "open")
    link.write(reset=1)
    wait_for(lambda: link.words.reset_done == 1, "reset")
    link.write(trigger=1)
    words = wait_for(lambda: link.words.commit == 1 and link.words, "a result")
    found.append(f"{words.verdict:X} {words.reason}")
    link.write(acknowledge=1)


def test_a_trial_goes_through_the_handshake_and_writes_nothing(tmp_path: Path) -> None:
    paths = make_station(tmp_path, output=[OUTPUT])
    ScriptedLink.made.clear()
    found: list[str] = []
    line = threading.Thread(target=play, args=(found,))
    line.start()
    root = ("--root", paths.root)
    said = invoke("line", "test", NAME, "plc", "--tell", "reject", "--yes", *root)
    line.join()
    assert said.exit_code == 0, said.output
    assert found == ["5001 604"]
    assert "1: part test REJECT (line_test) acknowledged" in said.output
    assert not list(paths.journal.glob("*"))


def test_a_trial_asks_first_and_says_what_the_line_does_not_do(tmp_path: Path) -> None:
    paths = make_station(tmp_path, output=[OUTPUT])
    root = ("--root", paths.root)
    refused = invoke("line", "test", NAME, "plc", *root)
    assert refused.exit_code == 1
    assert "Is it clear of people?" in refused.output
    silent = invoke("line", "test", NAME, "plc", "--yes", "--seconds", "1", *root)
    assert isinstance(silent.exception, OutputError)
    assert "`ready` is on: it did not" in silent.exception.message
    unknown = invoke("line", "test", NAME, "other", "--yes", *root)
    assert isinstance(unknown.exception, UsageError)


def test_status_shows_what_the_line_reads(tmp_path: Path) -> None:
    beats = {**OUTPUT, "name": "robot", "peer_heartbeat_ms": 600_000.0}
    paths = make_station(tmp_path, output=[OUTPUT, beats])
    root = ("--root", paths.root)
    assert invoke("line", "status", NAME, *root).exit_code == 3
    with running(paths) as run:
        ScriptedLink.made["plc"].write(reset=4)
        run.wait_for_status(
            lambda s: s.outputs and s.outputs[0].words.reset_done == 4, "the reset is on the status"
        )
        silent = invoke("line", "status", NAME, *root)
        assert silent.exit_code == 1
        assert "the line's heartbeat does not change" in silent.output
        assert "output robot: the line's heartbeat" in " ".join(run.status.warnings)
        ScriptedLink.made["robot"].write(heartbeat=1)
        run.wait_for_status(lambda s: not s.outputs[1].line_trouble, "it is heard")
        said = invoke("line", "status", NAME, *root)
        assert said.exit_code == 0, said.output
        shown = json.loads(invoke("line", "status", NAME, "--json", *root).output)
        assert "output plc" in invoke("status", NAME, *root).output
    assert "plc  scripted" in said.output
    assert "a test" in said.output
    assert shown["outputs"][0]["words"]["reset_done"] == 4


def test_a_webhook_is_tried_without_a_part_and_tells_of_each_that_the_line_was_told(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/parts"
        webhook = {"name": "mes", "protocol": "webhook", "url": url, "signed": False}
        paths = make_station(tmp_path, output=[webhook])
        root = ("--root", paths.root)
        tried = invoke("line", "test", NAME, "mes", *root)
        assert tried.exit_code == 0, tried.output
        assert receiver.taken.pop()["test"] is True
        with running(paths) as run:
            drop(paths, "a.png", part())

            def is_taken(status: Status) -> bool:
                words = status.outputs[0].words
                return words.accepted + words.held == 1

            run.wait_for_status(is_taken, "taken, and on the status")
            said = invoke("line", "status", NAME, *root)
            assert said.exit_code == 0, said.output
    assert "no part waits" in said.output
    (said_of,) = receiver.taken
    told = audit(paths).tables["told"]
    assert [(row["output"], row["outcome"], row["frame_id"]) for row in told] == [
        ("mes", "acknowledged", said_of["frame_id"])
    ]
