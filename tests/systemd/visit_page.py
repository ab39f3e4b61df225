"""A visit to a station's page on its own box: logs in with the code, sets a PIN, looks at a picture
of a part and says that the part is good. Run there by the package's Python, hence by itself.
"""

from __future__ import annotations

import re
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

PAGE, PIN = "http://127.0.0.1:8470", "204918"
pause = threading.Event()
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def ask(path: str, **fields: str) -> str:
    """What the page answers; with fields, to a form of its own."""
    data = urllib.parse.urlencode(fields).encode() if fields else None
    request = urllib.request.Request(PAGE + path, data, {"origin": PAGE})  # noqa: S310
    with browser.open(request, timeout=60) as answer:
        return str(answer.read().decode("latin-1"))


def found(pattern: str, path: str) -> str:
    """What the pattern finds on a page, which may take a moment to have it."""
    end = time.monotonic() + 60
    while True:
        text = ask(path)
        if match := re.search(pattern, text):
            return match[1]
        if time.monotonic() > end:
            sys.exit(f"{pattern} is not on {path}: {text[:2000]}")
        pause.wait(0.2)


def main() -> None:
    ask("/login", name="anna", secret=sys.argv[1])
    ask("/password", token=found('name="token" value="([^"]+)"', "/password"), first=PIN, again=PIN)
    ask("/aim")
    frame = found(r'src="/picture/([^/"]+)/frame', "/live")
    assert ask(f"/picture/{frame}/frame")
    token = found('data-token="([^"]+)"', "/review")
    ask("/review/label", token=token, frame=urllib.parse.unquote(frame), said="good")
    print("kept")


main()
