"""An OPC UA client that is not ours: node-opcua, which tests/output/get_peers.sh brings."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from qc_edge.output.handshake.words import FROM_LINE, TO_LINE, ToLine

PROGRAM = Path(__file__).with_name("opcua_client.js")
USER, PASSWORD = "plc", "so secret"
_TYPES = {"word": "UInt16", "count": "UInt32", "text": "String"}
_KINDS = {place.name: place.kind for place in FROM_LINE}


def _modules() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = sorted((cache / "qc-edge-ci").glob("node-opcua-*/node_modules"))
    if not found or shutil.which("node") is None:
        pytest.skip("needs node and tests/output/get_peers.sh")
    return found[-1]


class OpcuaFaultError(Exception):
    """What the client says of a request that was not done."""


class OpcuaClient:
    """One session, with its subscription of ResultReady."""

    def __init__(
        self, place: str, folder: Path, user: str = USER, password: str = PASSWORD
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        made = {"CLIENT_CERTIFICATE": "plc-client.pem", "CLIENT_KEY": "plc-client.key"}
        environment = {name: str(folder / file) for name, file in made.items()}
        environment |= {"NODE_PATH": str(_modules()), "PATH": os.environ["PATH"]}
        command = ["node", str(PROGRAM), f"opc.tcp://{place}", user, password, "plc"]
        self._process = subprocess.Popen(
            [*command, str(folder / "pki")],
            env=environment | {"HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        try:
            self._answer()
        except OpcuaFaultError:
            self.close()
            raise

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if not line.startswith("{"):
                continue  # a note of the library's
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer["event"])
            else:
                self._answers.put(answer)

    def _answer(self) -> dict[str, Any]:
        answer = self._answers.get(timeout=20)
        if fault := answer.get("fault") or answer.get("fatal"):
            raise OpcuaFaultError(fault)
        return answer

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def words(self) -> ToLine:
        """All that the line may read."""
        names = [place.name for place in TO_LINE]
        values = self.ask({"read": names})["values"]
        return ToLine(**dict(zip(names, values, strict=True)))

    def say(self, **values: Any) -> None:
        """Write these words with one request, what belongs to a trigger before it."""
        order = [place.name for place in FROM_LINE if place.name in values]
        said = {name: [_TYPES[_KINDS[name]], values[name]] for name in order}
        codes = self.ask({"write": said})["codes"]
        if codes != ["Good"] * len(codes):
            raise OpcuaFaultError(str(codes))

    def close(self) -> None:
        """Hang up."""
        for end in (self._process.stdin,):
            if end:
                end.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._thread.join(5)
        if self._process.stdout:
            self._process.stdout.close()
