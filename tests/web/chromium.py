"""Debian's Chromium without a window, driven over its debugging pipe: no library in between.

The protocol is https://chromedevtools.github.io/devtools-protocol/, messages end with a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

WAIT_S = 20.0
START_S = 90.0
"""A start reads hundreds of megabytes, which takes long while others keep the machine busy."""
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


class Chromium:
    """One tab. What it asks of any other machine, and what scripts complain of, is kept."""

    def __init__(self, profile: Path) -> None:
        program = shutil.which("chromium")
        if program is None:
            pytest.skip("chromium is missing: apt install chromium")
        to_child, self._write = os.pipe()
        self._read, from_child = os.pipe()
        # Chromium reads descriptor 3 and writes 4.
        command = (
            f'exec 3<&{to_child} 4>&{from_child}; exec "$0" --headless --no-sandbox --disable-gpu '
            "--remote-debugging-pipe --disable-dev-shm-usage --hide-scrollbars --no-first-run "
            "--disable-background-networking --disable-component-update --disable-sync "
            f'--user-data-dir="{profile}" about:blank'
        )
        self._said = profile / "said.txt"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                ["/bin/bash", "-c", command, program],
                pass_fds=(to_child, from_child),
                stdout=said,
                stderr=said,
                env=os.environ | {"HOME": str(profile)},
            )
        os.close(to_child)
        os.close(from_child)
        self._number = 0
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._patience_s = START_S
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self._open_tab()
        except AssertionError:
            self.close()
            raise
        self._patience_s = WAIT_S

    def _open_tab(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._write)

    def call(self, method: str, /, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        number = self._number
        answers = self._answers[number] = queue.Queue()
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")
            answer = answers.get(timeout=self._patience_s)
        except BrokenPipeError:
            answer = {"error": "Chromium has ended"}
        except queue.Empty:
            answer = {"error": f"no answer within {self._patience_s:g} s"}
        if "error" in answer:
            said = self._said.read_text(errors="replace")
            raise AssertionError(f"{method}: {answer['error']}; Chromium printed:\n{said}")
        result: dict[str, Any] = answer["result"]
        return result

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """As `call`, of the tab."""
        return self.call(method, self._session, **parameters)

    def open(self, address: str) -> None:
        """Go there, and wait until the page stands."""
        self.evaluate("window.__before = true")
        self.ask("Page.navigate", url=address)
        self.wait_for("!window.__before && document.readyState === 'complete'")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the window, in CSS pixels, and what the device prefers."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 700,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[theme])

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Until the expression is true, and its value."""
        pause = f"""new Promise((done, failed) => {{
            const end = Date.now() + {WAIT_S * 1000 / 2};
            (function look() {{
                let value; try {{ value = {expression}; }} catch (fault) {{ value = false; }}
                if (value) done(typeof value === 'object' ? true : value);
                else if (Date.now() > end) done(false);
                else setTimeout(look, 20);
            }})();
        }})"""
        for _ in range(2):  # a page that is left meanwhile takes the promise with it
            try:
                if value := self.evaluate(pause):
                    return value
            except AssertionError:
                continue
        raise AssertionError(f"still not: {expression}\n{self.evaluate('document.body.innerText')}")

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.evaluate(f"document.querySelector({selector!r}).focus()")
        self.ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """A key, as a keyboard sends it."""
        code = _KEYS.get(key, ord(key.upper()[0]))
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        down = {"key": key, "windowsVirtualKeyCode": code, "code": key, **text}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **down)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def picture(self, path: Path) -> None:
        """What the window shows, as a PNG."""
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def _listen(self) -> None:
        rest = b""
        while data := os.read(self._read, 1 << 20):
            *messages, rest = (rest + data).split(b"\0")
            for message in messages:
                self._heard(json.loads(message))
        os.close(self._read)
        for answers in list(self._answers.values()):
            answers.put({"error": "Chromium has ended"})

    def _heard(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers.pop(message["id"]).put(message)
            return
        values = message["params"]
        kinds: dict[str, Callable[[], None]] = {
            "Network.requestWillBeSent": lambda: self._asked(values["request"]["url"]),
            "Log.entryAdded": lambda: self._complained(values["entry"]),
            "Runtime.exceptionThrown": lambda: self.complaints.append(str(values)),
        }
        kinds.get(message["method"], lambda: None)()

    def _complained(self, entry: dict[str, Any]) -> None:
        if entry["level"] in {"warning", "error"}:
            self.complaints.append(entry["text"])

    def _asked(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"data", "about", "blob"} and parts.hostname not in _LOOPBACK:
            self.elsewhere.append(address)


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """A browser, ended at the end."""
    browser = Chromium(profile)
    try:
        yield browser
    finally:
        browser.close()
