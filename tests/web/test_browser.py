"""The page as a person uses it: a real browser, a real server, a station that runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from qc_edge.discipline.msa import blind
from qc_edge.discipline.msa.blind import BlindPart
from qc_edge.discipline.msa.blind_answers import answered
from qc_edge.domain.label import PersonRole
from qc_edge.query.inspection_search import newest
from qc_edge.query.journal_reader import newest_rows
from qc_edge.query.published_log import PublishedLog
from qc_edge.records import calibrations
from qc_edge.settings import StationPaths
from qc_edge.web.people.passwords import Passwords
from qc_edge.web.people.users import User, Users
from qc_edge.web.visit import LOOK
from tests.station.harness import BAD, GOOD, Running, drop, make_station, part, running, wait_for
from tests.web.chromium import Chromium, chromium
from tests.web.harness import PIN
from tests.web.server import Served, free_port, served

SEEN = (
    "[...document.images]"
    ".filter(i => i.checkVisibility() && i.getBoundingClientRect().top < innerHeight)"
    ".every(i => i.complete && i.naturalWidth)"
)
SIZES = {"": (1280, 800), "-phone": (390, 844)}
CALIBRATE = (
    "/aim/calibrate?camera=incoming",
    "/aim/calibrate/proposal?camera=incoming&take=any&count=3",
)
PAGES = (
    "/live",
    "/review",
    "/part",
    "/part/story?id=A-2",
    "/shift?day=now",
    "/control?days=7",
    "/aim",
    *CALIBRATE,
    "/station",
    "/start",
    "/threshold",
    "/challenge",
    "/suspect",
    "/study",
    "/password",
)
AXE = Path(__file__).parent / "axe/axe.min.js"
FOUND = (
    "axe.run(document, {resultTypes: ['violations'], elementRef: false})"
    ".then(r => r.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html).join(' ')}`))"
)

Line = tuple[StationPaths, Running, Served]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A running station with its page, and four parts."""
    port = free_port()
    paths = make_station(
        tmp_path_factory.mktemp("line"),
        page={"listen": f"127.0.0.1:{port}"},
        incoming={"sidecar": "required"},
        review={"audit_share": 1.0},
    )
    Users(paths.page_users).change(
        "anna", lambda _: User("anna", PersonRole.QUALITY, Passwords().hash(PIN))
    )
    with running(paths) as run:
        for number in range(4):
            picture = part(BAD if number == 2 else GOOD, seed=number, width=400, height=300)
            drop(paths, f"{number}.png", picture, {"part_id": f"A-{number}"})
        run.wait_until_inspected(4)
        with served(paths, port) as page:
            yield paths, run, page


@pytest.fixture(scope="module")
def tab(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Anna's browser, logged in by the keyboard alone."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        browser.size(*SIZES[""])
        browser.open(f"{line[2].address}/live")
        browser.ask("Input.insertText", text="anna")  # the field has the focus by itself
        browser.press("Tab")
        browser.ask("Input.insertText", text=PIN)
        browser.press("Enter")
        browser.wait_for("location.pathname === '/live' && document.querySelector('.tile')")
        yield browser


def test_a_part_that_is_inspected_appears_by_itself(tab: Chromium, line: Line) -> None:
    paths, _, _ = line
    tab.open(f"{line[2].address}/live")
    drop(paths, "9.png", part(BAD, seed=9, width=400, height=300), {"part_id": "NEW-9"})
    tab.wait_for("document.querySelector('.tile .id').textContent === 'NEW-9'")
    tab.wait_for("document.querySelector('.state').textContent === 'READY'")
    assert tab.evaluate("document.querySelector('.tile').classList.contains('bad')")


@pytest.mark.parametrize("size", sorted(SIZES))
def test_no_page_is_wider_than_the_window_and_all_pictures_are_there(
    tab: Chromium, line: Line, size: str, tmp_path: Path
) -> None:
    tab.size(*SIZES[size])
    for path in PAGES:
        tab.open(line[2].address + path)
        tab.wait_for(SEEN)
        assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path
        unnamed = "[...document.querySelectorAll('input:not([type=hidden]), select, button, a')]"
        unnamed += ".filter(e => !(e.labels?.length || e.textContent.trim())).length"
        assert tab.evaluate(unnamed) == 0, path
        small = "[...document.querySelectorAll('button, nav a, input:not([type=hidden]), summary')]"
        small += ".map(e => e.getBoundingClientRect().height).filter(h => h && h < 40).length"
        assert tab.evaluate(small) == 0, f"{path}: what a thumb has to hit is too small"
    tab.size(*SIZES[""])


def test_longer_words_fit_on_a_phone_too(tab: Chromium, line: Line) -> None:
    address = line[2].address
    tab.size(*SIZES["-phone"])
    tab.ask("Network.setCookie", name=LOOK, value="auto.de", url=address)
    for path in ("/station", "/control?days=7"):
        tab.open(address + path)
        assert tab.evaluate("document.documentElement.lang") == "de"
        assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES["-phone"][0], path
    tab.ask("Network.deleteCookies", name=LOOK, url=address)
    tab.size(*SIZES[""])


@pytest.mark.parametrize("dark", [False, True])
def test_words_can_be_read_on_their_ground(tab: Chromium, line: Line, dark: bool) -> None:
    tab.size(*SIZES[""], dark=dark)
    for path in PAGES:
        tab.open(line[2].address + path)
        weak = tab.evaluate((Path(__file__).parent / "contrast.js").read_text())
        assert weak == [], path


def test_axe_finds_nothing_on_any_page(tab: Chromium, line: Line) -> None:
    axe = AXE.read_text(encoding="utf-8")
    for path in PAGES:
        tab.open(line[2].address + path)
        tab.wait_for(SEEN)
        tab.evaluate(f"{axe};1")
        tab.evaluate("document.querySelectorAll('main details').forEach(d => (d.open = true))")
        assert tab.evaluate(FOUND) == [], path
    tab.evaluate("document.querySelector('main').append(document.createElement('button'))")
    [found] = tab.evaluate(FOUND)
    assert found.startswith("button-name"), "it would be seen"


def test_a_camera_is_calibrated_step_by_step(tab: Chromium, line: Line) -> None:
    paths, _, page = line
    tab.open(f"{page.address}/aim/calibrate?camera=incoming")
    tab.wait_for(SEEN)
    box = tab.evaluate(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.querySelector('[data-drawing]').getBoundingClientRect())"
    )
    for kind, share in (("mousePressed", 0.25), ("mouseMoved", 0.75), ("mouseReleased", 0.75)):
        x, y = box[0] + share * box[2], box[1] + share * box[3]
        tab.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    region = tab.evaluate("document.querySelector('[data-value]').value")
    assert [round(int(number), -1) for number in region.split(",")] == [100, 80, 200, 150]
    tab.evaluate("document.querySelector('[name=take][value=any]').click()")
    tab.fill("[name=count]", "")
    tab.evaluate("document.querySelector('[name=count]').value = 4")
    tab.evaluate("document.querySelector('button.main').click()")
    tab.wait_for(f"document.querySelector('[name=expects]') && {SEEN}")
    tab.fill("[name=why]", "a new lens")
    tab.evaluate("document.querySelector('button.main').click()")
    tab.wait_for("document.querySelector('[data-waits], .calm')")
    tab.wait_for("document.querySelector('.calm')?.textContent.startsWith('In force')")
    record = calibrations.load_current(paths.calibration, "incoming")
    assert (record.made_by, record.why) == ("anna", "a new lens")
    assert record.roi == tuple(map(int, region.split(",")))


def test_a_lens_is_turned_until_the_focus_no_longer_rises(tab: Chromium, line: Line) -> None:
    paths, _, page = line
    tab.open(f"{page.address}/aim")
    tab.wait_for("parseFloat(document.querySelector('[data-focus]').textContent) > 0")
    tab.press("r")
    trends = []
    for number, blur in enumerate((0, 0, 0, 9, 9, 9)):
        picture = part(GOOD, seed=40 + number, width=400, height=300)
        before = tab.evaluate("document.querySelector('[data-picture]').src")
        blurred = cv2.GaussianBlur(picture, (blur, blur), 0) if blur else picture
        drop(paths, f"aim{number}.png", np.asarray(blurred, np.uint8), {"part_id": f"AIM-{number}"})
        tab.wait_for(f"document.querySelector('[data-picture]').src !== {before!r}")
        trends.append(
            tab.evaluate("document.querySelector('[data-trend]:not([hidden])')?.dataset.trend")
        )
    assert trends[0] == "best"
    assert trends[-1] == "past"
    tab.wait_for("!document.querySelector('[data-state=refused]').hidden")
    assert tab.evaluate("document.querySelector('[data-figure=focus]').classList.contains('out')")
    tab.press("+")
    tab.wait_for("document.querySelector('[data-picture]').src.includes('zoom=2')")
    assert tab.evaluate("document.querySelector('[data-zoom=\"2\"]').ariaPressed") == "true"
    tab.press("-")


def test_parts_are_judged_by_keys_alone(tab: Chromium, line: Line) -> None:
    paths, _, page = line
    tab.open(f"{page.address}/review")
    first = tab.wait_for(f"{SEEN} && document.querySelector('[name=frame]').value")
    tab.press("d")
    shown = f"document.querySelector('[name=frame]')?.value && {SEEN}"
    tab.wait_for(f"{shown} && document.querySelector('[name=frame]').value !== {first!r}")
    tab.press("z")
    tab.wait_for(f"document.querySelector('[name=frame]')?.value === {first!r}")
    labelled = f"SELECT count(*) FROM labels WHERE frame_id = '{first}'"
    wait_for(lambda: "1" in _asked(paths, labelled), "the label in the log", 30, 0.5)


def test_a_label_waits_in_the_browser_until_the_server_has_it(tab: Chromium, line: Line) -> None:
    paths, _, page = line
    tab.open(f"{page.address}/review?frame={newest(paths.journal, 1)[0].frame_id}")
    told = tab.wait_for(f"{SEEN} && document.querySelector('[name=frame]').value")
    tab.press("p")
    for key in ("Enter", "ArrowRight", "ArrowRight", "Enter"):
        tab.press(key)
    tab.press("b")
    for key in ("ArrowLeft", "Enter", "ArrowLeft", "ArrowUp", "Enter"):
        tab.press(key)
    tab.press("b")
    assert tab.evaluate("document.querySelectorAll('.boxes rect, .boxes polyline').length") == 2
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    tab.ask("Network.emulateNetworkConditions", offline=True, **offline)
    tab.press("d")
    tab.wait_for("document.querySelector('[data-saving]').dataset.state === 'waiting'")
    tab.ask("Network.emulateNetworkConditions", offline=False, **offline)
    tab.open(f"{page.address}/review")  # as after a crash of the tab: it is still there
    tab.wait_for("Object.keys(localStorage).length === 0")
    regions = f"SELECT who, regions FROM labels WHERE frame_id = '{told}'"
    wait_for(lambda: "mask" in _asked(paths, regions), "the label in the log", 30, 0.5)
    assert "box" in _asked(paths, regions)
    tab.complaints.clear()  # of having been offline


def test_a_page_that_is_killed_at_each_step_of_a_save_loses_and_doubles_nothing(
    tab: Chromium, line: Line
) -> None:
    """One key is pressed, and two servers die of it."""
    paths, _, page = line
    frame = newest(paths.journal, 1)[0].frame_id
    state = "document.querySelector('[data-saving]').dataset.state"
    for step in ("half", "after"):
        page.restart(step)
        _enter(tab, page, f"/review?frame={frame}")
        if step == "half":
            tab.press("n")
        wait_for(lambda: page.process.poll() is not None, f"it is killed: {step}", 60)
        assert page.process.returncode == -9
        tab.wait_for(f"{state} === 'waiting'")
    page.restart()
    tab.wait_for(f"{state} === 'login'")
    _enter(tab, page, "/review")
    tab.wait_for("Object.keys(localStorage).length === 0")
    wait_for(lambda: not [*paths.labels.glob("*.json")], "all is taken up", 60)
    rows = [row for row in newest_rows(paths.journal) if row.get("label") == "not_inspectable"]
    assert [row["frame_id"] for row in rows] == [frame]
    tab.complaints.clear()  # of servers that were gone


def test_a_study_is_judged_by_keys_and_suspect_parts_are_held(tab: Chromium, line: Line) -> None:
    paths, _, page = line
    frames = {row.part_id: row.frame_id for row in newest(paths.journal, 200)}
    parts = [BlindPart(each, each == "A-0", (frames[each],)) for each in ("A-0", "A-2")]
    study = blind.begin(paths, "Scratches", parts, ("emil", ["anna"]), 2)
    tab.open(f"{page.address}/study/judge?study={study.study_id}")
    for number in range(study.looks):
        looked = f"document.querySelector('[name=number]')?.value === '{number}'"
        # Keys are heard from when the page's module has run, which is before it is complete.
        tab.wait_for(f"{looked} && document.readyState === 'complete' && {SEEN}")
        if number == 0:
            _check_with_axe(tab)
        tab.press("gb"[number % 2])
    tab.wait_for("document.querySelector('.calm')")
    assert answered(paths, study, "anna") == study.looks
    tab.open(f"{page.address}/suspect")
    tab.evaluate("document.querySelector('[value=time]').click()")
    tab.evaluate("document.querySelector('[name=since]').value = '2026-01-01T00:00'")
    tab.fill("[name=why]", "the lens slipped")
    tab.evaluate("document.querySelector('button[value=hold]').click()")
    hold = tab.wait_for("document.querySelector('a[href^=\"/suspect/hold\"]')?.href")
    _check_with_axe(tab)
    wait_for(lambda: "suspect_window" in _asked(paths, "SELECT cause FROM holds"), "the hold", 60)
    for size in sorted(SIZES):
        tab.size(*SIZES[size])
        tab.open(hold)
        tab.wait_for(f"document.querySelector('[name=part]') && {SEEN}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    _check_with_axe(tab)
    tab.size(*SIZES[""])


def test_nothing_was_asked_of_another_machine_and_nothing_was_refused(
    tab: Chromium, line: Line
) -> None:
    """After all pages have been shown: the last test of the browser."""
    tab.open(f"{line[2].address}/live")
    assert tab.elsewhere == []
    assert [each for each in tab.complaints if "401" not in each] == []


def test_a_request_beyond_the_machine_would_be_seen(tab: Chromium, line: Line) -> None:
    tab.evaluate("fetch('http://192.0.2.1/x').catch(() => 0), 1")
    wait_for(lambda: tab.complaints, "the complaint of the page's own policy")
    assert any("Content Security Policy" in each for each in tab.complaints)


@pytest.mark.serial
def test_a_stop_does_not_wait_for_open_streams(line: Line) -> None:
    page = line[2]
    port = int(page.address.rpartition(":")[2])
    cookie = _log_in(port)
    streams = [_open_stream(port, cookie) for _ in range(5)]
    heard = [threading.Thread(target=_until_ended, args=(stream,)) for stream in streams]
    for thread in heard:
        thread.start()
    assert page.stop_s() < 2.0
    assert page.process.returncode == 0
    for thread in heard:
        thread.join(5)
        assert not thread.is_alive()


def _enter(tab: Chromium, page: Served, path: str) -> None:
    """Log in again: a page that was started anew knows nobody."""
    tab.open(f"{page.address}/login?next={quote(path)}")
    tab.fill("[name=name]", "anna")
    tab.fill("[name=secret]", PIN)
    tab.press("Enter")
    tab.wait_for("location.pathname === '/review' && document.readyState === 'complete'")


def _check_with_axe(tab: Chromium) -> None:
    tab.evaluate(f"{AXE.read_text(encoding='utf-8')};1")
    assert tab.evaluate(FOUND) == []


def _asked(paths: StationPaths, query: str) -> str:
    table = query.partition("FROM ")[2].split()[0]
    with PublishedLog(paths.published) as log:
        relation = log.cursor().relation(table)
        return str(
            relation and log.cursor().fetch(query.replace(f"FROM {table}", f"FROM {relation}"))
        )


def _log_in(port: int) -> str:
    body = f"name=anna&secret={PIN}".encode()
    head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 10) as asked:
        asked.sendall(head.encode() + body)
        answer = asked.recv(65536).decode()
    return next(
        line.split(": ")[1].split(";")[0]
        for line in answer.splitlines()
        if line.lower().startswith("set-cookie")
    )


def _open_stream(port: int, cookie: str) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", port), 10)
    head = f"GET /live/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
    stream.sendall(head.encode())
    assert b"text/event-stream" in stream.recv(65536)
    return stream


def _until_ended(stream: socket.socket) -> None:
    with stream:
        while stream.recv(65536):
            pass
