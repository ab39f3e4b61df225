"""Processes that begin with the package imported already: a server imports it once and forks them.

A start of Python with all that a station imports takes most of a second of CPU, and hundreds of
tests start one. What is forked has descriptors, an environment and a working directory of its own,
may be killed, and ends as an interpreter ends. Where the start itself is what a test is about (what
is imported, how soon), take `subprocess`.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAMS = {
    "qc_edge": "qc_edge.cli",
    "tests.station.runner": "tests.station.runner",
    "tests.web.dying_page": "tests.web.dying_page",
    "tests.retention.deleter": "tests.retention.deleter",
}
"""What stands behind `python -m`, and the module whose `main` that calls."""

_ALSO_IMPORTED = (
    "qc_edge.analysis.comparison",
    "qc_edge.station.metrics",
    "rich.table",
    "typer.rich_utils",
)
"""What the programs import when they need it. Not onnxruntime or pylon: these start threads."""

_LONGEST_REQUEST = 1 << 20


class Process:
    """A process that was forked; what it has of subprocess.Popen means the same."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.returncode: int | None = None
        self.pid = self._hear()

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout_s: float | None = None) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._server.settimeout(timeout_s)
            try:
                self.returncode = self._hear()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout_s or 0) from None
            self._server.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """A signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _hear(self) -> int:
        said = self._server.recv(32)
        assert said, "the server of forked processes has ended"
        return int(said)


def start(
    program: str,
    arguments: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    stdin: int | IO[bytes] = 0,
    stdout: int | IO[bytes] = 1,
    stderr: int | IO[bytes] = 2,
) -> Process:
    """`python -m PROGRAM ARGUMENTS`, with the test's working directory."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    streams = [each if isinstance(each, int) else each.fileno() for each in (stdin, stdout, stderr)]
    request = {
        "program": program,
        "arguments": [str(each) for each in arguments],
        "environment": dict(environment),
        "directory": str(Path.cwd()),
    }
    with there:
        data = json.dumps(request).encode()
        socket.send_fds(_server(), [data], [there.fileno(), *streams])
    return Process(here)


def run(
    program: str,
    arguments: Sequence[str | Path],
    environment: Mapping[str, str],
    stdout: int | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """As `start`, until it has ended, with what it printed to where no `stdout` is given."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(
            program,
            arguments,
            environment,
            stdin=nothing,
            stdout=out if stdout is None else stdout,
            stderr=err,
        )
        os.close(nothing)
        code = process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(program, code, out.read(), err.read())


@functools.cache
def _server() -> socket.socket:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (here, there):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST_REQUEST)
    with there:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(there.fileno())],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=[there.fileno()],
        )

    def close() -> None:
        here.close()
        server.wait()

    atexit.register(close)
    return here


class _Request:
    """What a child is to be: its descriptors and the rest of the request."""

    def __init__(self, data: bytes, descriptors: Sequence[int]) -> None:
        self.told = socket.socket(fileno=descriptors[0])
        self.streams = descriptors[1:]
        self.values: dict[str, Any] = json.loads(data)


class _Server:
    """Forks what it is asked for and tells each exit status, until nobody asks any more."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, tuple[int, socket.socket]] = {}
        self._selector = selectors.PollSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> _Request | None:
        """Returns in each child, with the request that it is for; in the server with None."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._control:
                    self._tell(key.fd)
                    continue
                data, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST_REQUEST, 4)
                if not data:
                    return None
                request = _Request(data, descriptors)
                if (child := os.fork()) == 0:
                    self._forget()
                    return request
                request.told.send(str(child).encode())
                for each in request.streams:
                    os.close(each)
                ended = os.pidfd_open(child)
                self._running[ended] = child, request.told
                self._selector.register(ended, selectors.EVENT_READ)

    def _tell(self, ended: int) -> None:
        child, told = self._running.pop(ended)
        self._selector.unregister(ended)
        os.close(ended)
        _, status = os.waitpid(child, 0)
        with told, suppress(BrokenPipeError):  # nobody waits for it
            told.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _forget(self) -> None:
        """What is the server's alone is closed in a child."""
        self._selector.close()
        self._control.close()
        for ended, (_, told) in self._running.items():
            os.close(ended)
            told.close()


def _become(request: _Request) -> Callable[[], None]:
    """This process as the request has it; what it then calls."""
    request.told.close()
    for standard, given in enumerate(request.streams):
        os.dup2(given, standard)
        os.close(given)
    os.environ.clear()
    os.environ.update(request.values["environment"])
    time.tzset()
    os.chdir(request.values["directory"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    sys.stdin = _stream(0, encoding, errors)
    sys.stdout = _stream(1, encoding, errors)
    sys.stderr = _stream(2, encoding, "backslashreplace")
    program = importlib.import_module(PROGRAMS[request.values["program"]])
    # What a command takes its own name from: `python -m qc_edge`.
    sys.modules["__main__"].__package__ = program.__package__
    sys.argv = [str(Path(str(program.__file__)).with_name("__main__.py"))]
    sys.argv += request.values["arguments"]
    main: Callable[[], None] = program.main
    return main


def _stream(descriptor: int, encoding: str, errors: str) -> io.TextIOWrapper:
    """As the interpreter opens it: https://docs.python.org/3/library/sys.html#sys.stdin."""
    return open(
        descriptor,
        "w" if descriptor else "r",
        1 if descriptor == 2 else -1,
        encoding or None,
        errors or None,
        newline="\n" if descriptor else None,
        closefd=False,
    )


def _main() -> None:
    # A Ctrl-C on the terminal of the tests is for the tests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in (*PROGRAMS.values(), *_ALSO_IMPORTED):
        importlib.import_module(module)
    threads = Path("/proc/self/task").iterdir()
    assert len(list(threads)) == 1, "a process with threads cannot be forked safely"
    gc.collect()
    gc.freeze()  # what stands is not looked at again in each child, which would copy its pages
    if request := _Server(socket.socket(fileno=int(sys.argv[1]))).serve():
        _become(request)()


if __name__ == "__main__":
    _main()
