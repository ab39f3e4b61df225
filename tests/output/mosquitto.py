"""An MQTT broker and clients that are not ours: mosquitto. Debian: mosquitto, mosquitto-clients."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from qc_edge.output.handshake.words import Fault, StateBit, ToLine
from tests.output.ports import free_port
from tests.station.harness import wait_for

USER, PASSWORD = "line1", "so secret"
TOPIC = "plant/line1"


def program(name: str) -> str:
    """Where it is."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert found, f"apt install mosquitto mosquitto-clients: there is no {name}"
    return found


class Broker:
    """A broker of its own that wants user and password."""

    def __init__(self, folder: Path, *more: str, port: int = 0) -> None:
        self.port = port or free_port()
        passwords, rights = folder / "passwords", folder / "rights"
        for user in (USER, "plc"):
            made = ["-b", *(["-c"] if user == USER else []), str(passwords), user, PASSWORD]
            subprocess.run([program("mosquitto_passwd"), *made], check=True, capture_output=True)
        rights.write_text(
            f"user {USER}\ntopic write {TOPIC}/#\ntopic read {TOPIC}/line/+\n"
            f"user plc\ntopic readwrite {TOPIC}/#\n"
        )
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\nuser root\n"
            f"password_file {passwords}\nacl_file {rights}\n" + "\n".join(more) + "\n"
        )
        for made_file in (passwords, rights):
            made_file.chmod(0o600)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [program("mosquitto"), "-c", str(self._settings)]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        wait_for(self._answers, "the broker listens", 60, 0.01)
        return process

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """It is gone."""
        self._process.send_signal(signal.SIGCONT)
        _end(self._process)

    def restart(self) -> None:
        """It is back, on the same port."""
        self._process = self._start()

    def freeze(self) -> None:
        """It reads nothing more, and its connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._process.send_signal(signal.SIGCONT)


def _end(process: subprocess.Popen[Any]) -> None:
    """mosquitto's programs may miss a SIGTERM that comes while they begin or hang up."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(60)


class Subscriber:
    """mosquitto_sub on everything below the topic: the newest message of each, and all of them."""

    def __init__(self, port: int) -> None:
        command = [program("mosquitto_sub"), *_login(port), "-q", "1", "-t", f"{TOPIC}/#", "-F"]
        self._process = subprocess.Popen([*command, "%r %t %p"], stdout=subprocess.PIPE, text=True)
        self.newest: dict[str, dict[str, Any]] = {}
        self.all: list[tuple[str, bool, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            kept, topic, payload = line.split(" ", 2)
            name = topic.removeprefix(f"{TOPIC}/")
            message = json.loads(payload)
            self.newest[name] = message
            self.all.append((name, kept == "1", message))

    def close(self) -> None:
        """Hang up."""
        _end(self._process)
        self._thread.join(60)
        if self._process.stdout:
            self._process.stdout.close()


class MqttLine:
    """A line's program of mosquitto's own clients, one publisher for each command."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.heard = Subscriber(port)
        self._writers: dict[str, subprocess.Popen[str]] = {}
        self._runs = 0
        wait_for(lambda: "state" in self.heard.newest, "the state, kept by the broker", 10, 0.002)

    @property
    def run(self) -> str:
        """The run of this program."""
        return f"run-{id(self)}-{self._runs}"

    def words(self) -> ToLine:
        """What it reads, as words."""
        state = self.heard.newest["state"]
        numbers: dict[str, Any] = {
            name: value
            for name, value in state.items()
            if name in ToLine.__slots__ and type(value) is int
        }
        words = ToLine(
            state=sum(bit for bit in StateBit if state[str(bit.name).lower()]),
            faults=sum(Fault[name.upper()] for name in state["faults"]),
            **numbers,
        )
        result = self.heard.newest.get("result")
        if not result or result["run"] != self.run or result["session"] != words.session:
            return words
        names = ("sequence", "verdict", "complement", "commit", "part_id", "age_ms", "defect_class")
        taken = {name: result[name] for name in names}
        return replace(words, reason=result["reason_number"], **taken)

    def say(self, **values: Any) -> None:
        """Publish these commands."""
        if "reset" in values:
            self._runs += 1
            values.pop("trigger", None)  # a reset is a new beginning
        with_trigger = {key: values.pop(key) for key in ("part_id", "lot") if key in values}
        for name in sorted(values, key=lambda name: name != "reset"):
            message = {"run": self.run, "number": values[name]}
            self.publish(name, message | (with_trigger if name == "trigger" else {}))

    def publish(self, name: str, message: object) -> None:
        """One message, in whatever form."""
        stdin = self._writer(name)
        stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
        stdin.flush()

    def keep(self, name: str, message: object) -> None:
        """One message that the broker keeps and gives to whoever comes later."""
        said = ["-q", "1", "-r", "-t", f"{TOPIC}/line/{name}", "-m", json.dumps(message)]
        subprocess.run([program("mosquitto_pub"), *_login(self._port), *said], check=True)

    def _writer(self, name: str) -> IO[str]:
        if name not in self._writers:
            topic = ["-q", "1", "-t", f"{TOPIC}/line/{name}", "-l"]
            self._writers[name] = subprocess.Popen(
                [program("mosquitto_pub"), *_login(self._port), *topic],
                stdin=subprocess.PIPE,
                text=True,
            )
        stdin = self._writers[name].stdin
        assert stdin
        return stdin

    def close(self) -> None:
        """Hang up."""
        self.heard.close()
        for each in self._writers.values():
            _end(each)
            with suppress(BrokenPipeError):
                if each.stdin:
                    each.stdin.close()


def _login(port: int) -> list[str]:
    return ["-h", "127.0.0.1", "-p", str(port), "-u", "plc", "-P", PASSWORD]
