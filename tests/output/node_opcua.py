"""An OPC UA client that is not ours: node-opcua, which tests/output/get_peers.sh brings."""

from __future__ import annotations

import atexit
import functools
import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from tempfile import gettempdir
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


class Node:
    """A process of node, which takes most of a second to load the library, with any number of
    clients.
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            ["node", str(PROGRAM)],
            env={"NODE_PATH": str(_modules()), "PATH": os.environ["PATH"], "HOME": gettempdir()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._clients: dict[int, OpcuaClient] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def add(self, client: OpcuaClient) -> int:
        """Its number from now on."""
        number = len(self._clients) + 1
        self._clients[number] = client
        return number

    def send(self, command: dict[str, Any]) -> None:
        """One line."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(60)
        self._thread.join(60)
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue  # a note of the library's
            answer = json.loads(line)
            client = self._clients[answer.pop("on")]
            if "event" in answer:
                client.events.append(answer["event"])
            else:
                client.answers.put(answer)


@functools.cache
def shared_node() -> Node:
    """One for all clients of these tests."""
    node = Node()
    atexit.register(node.close)
    return node


class OpcuaClient:
    """One session, with its subscription of ResultReady."""

    def __init__(
        self,
        place: str,
        folder: Path,
        user: str = USER,
        password: str = PASSWORD,
        node: Node | None = None,
        *,
        types: bool = False,
        patience_s: float = 20.0,
    ) -> None:
        """`types`: it has read the structures of the specification before it says anything."""
        self.events: list[dict[str, Any]] = []
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._node = node or shared_node()
        self._patience_s = patience_s
        self._number = self._node.add(self)
        said = {"url": f"opc.tcp://{place}", "user": user, "password": password, "name": "plc"}
        files = {"certificate": "plc-client.pem", "key": "plc-client.key", "pki": "pki"}
        found = {name: str(folder / file) for name, file in files.items()}
        self.ask({"connect": said | found | {"types": types}}, 3 * patience_s)

    def ask(self, command: dict[str, Any], timeout_s: float | None = None) -> dict[str, Any]:
        """One request."""
        self._node.send({"on": self._number} | command)
        answer = self.answers.get(timeout=timeout_s or self._patience_s)
        if fault := answer.get("fault"):
            raise OpcuaFaultError(fault)
        return answer

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

    def call(self, name: str, *given: tuple[str, Any]) -> dict[str, Any]:
        """A method, OBJECT.METHOD, with arguments of (type, value)."""
        return self.ask({"call": name.split("."), "with": given})

    def close(self) -> None:
        """Hang up."""
        self.ask({"close": True})
