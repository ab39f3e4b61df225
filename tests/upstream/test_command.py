"""`qc-edge sync`, and what status, doctor and metrics say of it."""

from __future__ import annotations

import json
import os
import re
import threading
from datetime import date, datetime, time, timedelta, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qc_edge.diagnostics.finding import Level
from qc_edge.diagnostics.liveness import check_upstream
from qc_edge.errors import AuditError, BusyError, SettingsError, UpstreamError
from qc_edge.records.receipts import keep_last_sync, last_sync
from qc_edge.service.lock import StationLock
from qc_edge.settings import Settings
from qc_edge.upstream.age import SyncAge
from qc_edge.upstream.credentials import hide, store_options
from qc_edge.upstream.fleet.delta_tables import DeltaTables
from qc_edge.upstream.mounted import check_mounted
from qc_edge.upstream.pace import SendingPace, is_within, pace_of
from qc_edge.upstream.targets import Access, connect
from tests.cli.runner import invoke
from tests.quality.tools import REPOSITORY
from tests.upstream.sealed import FIRST, NAME, SECOND, make_sending_station


def test_the_command_sends_and_says_so_and_the_doctor_agrees(tmp_path: Path) -> None:
    station = make_sending_station(tmp_path)
    url = f"file://{station.upstream}"
    (found,) = check_upstream(station.paths, url)
    assert found.level is Level.WARNING
    assert f"2 sealed days wait, from {FIRST} on" in found.message
    planned = json.loads(invoke("sync", NAME, "--root", tmp_path, "--dry-run", "--json").stdout)
    assert [each["day"] for each in planned["would_send"]] == [str(FIRST), str(SECOND)]
    told = invoke("sync", NAME, "--root", tmp_path)
    assert told.exit_code == 0, told.output
    assert f"{FIRST}: 4 rows in" in told.output
    assert "nothing is due" in invoke("sync", NAME, "--root", tmp_path).output
    (found,) = check_upstream(station.paths, url)
    assert found.level is Level.OK
    assert SyncAge(station.paths.upstream, lambda: url).seconds() == pytest.approx(0, abs=60)
    assert SyncAge(station.paths.upstream, lambda: "s3://elsewhere/x").seconds() is None
    station.seal(date(2020, 1, 1)).write_bytes(station.seal(FIRST).read_bytes())
    before = last_sync(station.paths.upstream)
    assert station.sync().waiting == [date(2020, 1, 1)]
    assert last_sync(station.paths.upstream) == before, "not everything was sent"
    (found,) = check_upstream(station.paths, url)
    assert found.level is Level.WARNING
    assert "1 sealed days wait, from 2020-01-01 on" in found.message


def test_exit_codes(tmp_path: Path) -> None:
    station = make_sending_station(tmp_path)
    station.configure(url=f"file://{tmp_path}/nowhere")
    assert isinstance(invoke("sync", NAME, "--root", tmp_path).exception, UpstreamError)
    station.configure(url="")
    assert isinstance(invoke("sync", NAME, "--root", tmp_path).exception, SettingsError)
    station.configure()
    with StationLock(station.paths.lock("sync")[:1]):
        busy = invoke("sync", NAME, "--root", tmp_path).exception
    assert isinstance(busy, BusyError)
    assert f"by process {os.getpid()}" in busy.message
    path = station.seal(FIRST)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b"\n")
    refused = invoke("sync", NAME, "--root", tmp_path).exception
    assert isinstance(refused, AuditError)
    assert f"refused, {FIRST}" in refused.message


def test_a_mount_point_that_is_not_mounted_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="on the disk of this box"):
        check_mounted(f"file://{tmp_path}", tmp_path, same_disk=False)
    check_mounted(f"file://{tmp_path}", tmp_path, same_disk=True)
    with pytest.raises(UpstreamError, match="is no directory"):
        check_mounted(f"file://{tmp_path}/missing", tmp_path, same_disk=True)
    check_mounted("file:///proc", tmp_path, same_disk=False)


def test_two_nights_without_success_are_a_warning(tmp_path: Path) -> None:
    keep_last_sync(tmp_path, "s3://b/x")
    values = json.loads((tmp_path / "last-sync.json").read_text())
    late = datetime.now(timezone.utc) - timedelta(days=3)
    (tmp_path / "last-sync.json").write_text(json.dumps(values | {"at": late.isoformat()}))
    age = SyncAge(tmp_path, lambda: "s3://b/x")
    assert (age.is_overdue, age.words()) == (True, "everything was sent 3 d ago")
    last = last_sync(tmp_path)
    assert last is not None
    assert last.at == late


@pytest.mark.parametrize(
    ("upstream", "why"),
    [
        ({"url": "ftp://x/y"}, "expected s3://"),
        ({"url": "s3://key:secret@bucket/x"}, "credentials"),
        ({"url": "file://mnt/x"}, "three slashes"),
        ({"url": "s3:///x"}, "BUCKET"),
        ({"endpoint": "https://me:pw@host"}, "credentials"),
        ({"endpoint": "host"}, "https://HOST"),
        ({"hours": "20-6"}, "HH:MM-HH:MM"),
    ],
)
def test_settings_that_could_send_nowhere_are_refused(upstream: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        Settings.model_validate({"station": {"name": NAME}, "upstream": upstream})


def test_the_hours_are_those_of_the_station_and_may_go_over_midnight() -> None:
    assert is_within(time(23), time(20), time(5, 30))
    assert not is_within(time(5, 30), time(20), time(5, 30))
    upstream = {"hours": "20:00-05:30", "limit_mb_s": 50.0, "limit_outside_mb_s": 2.0}
    settings = Settings.model_validate(
        {"station": {"name": NAME, "time_zone": "Europe/Berlin"}, "upstream": upstream}
    )
    for utc, limit in (("18:59", 2e6), ("19:01", 50e6)):
        now = datetime.fromisoformat(f"2026-11-27T{utc}:00+00:00")
        assert pace_of(settings, partial(datetime.fromisoformat, now.isoformat()))._limit() == limit


def test_bytes_go_at_the_pace_that_is_allowed() -> None:
    pace = SendingPace(lambda: 1e6)
    began = datetime.now(timezone.utc)
    for _ in range(4):
        pace.take(100_000)
    assert (datetime.now(timezone.utc) - began).total_seconds() >= 0.3


def test_credentials_come_from_systemd_and_are_never_told(tmp_path: Path) -> None:
    credential = tmp_path / "upstream"
    credential.write_text("# of the plant\nAWS_ACCESS_KEY_ID=me\naws_secret_access_key = 'pw'\n")
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert store_options(given) == {"aws_access_key_id": "me", "aws_secret_access_key": "pw"}
    assert store_options({}) == {}
    credential.write_text("hunter2\n")
    with pytest.raises(SettingsError, match="line 1") as refused:
        store_options(given)
    assert "hunter2" not in str(refused.value)


class Echo(BaseHTTPRequestHandler):
    """Refuses, and says who asked, as some servers do."""

    def do_GET(self) -> None:
        asked = (
            f"<Error><Code>AccessDenied</Code><Who>{self.headers['Authorization']}</Who></Error>"
        )
        self.send_response(403)
        self.send_header("Content-Length", str(len(asked)))
        self.end_headers()
        self.wfile.write(asked.encode())

    def log_message(self, *_: object) -> None:
        pass


def test_credentials_that_a_server_repeats_are_in_no_error() -> None:
    options = {"aws_access_key_id": "AKIA-PLANT", "aws_secret_access_key": "hunter2-hunter2"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        tables = DeltaTables.at("s3://b/x", options, endpoint, "us-east-1")
        target = connect("s3://b/x", Access(options, endpoint, "us-east-1"))
        try:
            for ask in (lambda: target.get("a"), lambda: tables.open("events")):
                with pytest.raises(UpstreamError) as refused:
                    ask()
                assert "AKIA-PLANT" not in str(refused.value)
        finally:
            server.shutdown()
    assert "hunter2" not in repr(tables)
    key = {"google_service_account_key": '{"private_key": "pem"}'}
    for secret in key.values():
        assert hide(f"no key: {secret} or {json.dumps(secret)}", key) == 'no key: … or "…"'
    given = {"AWS_SESSION_TOKEN": "sesame", "AWS_REGION": "eu-central-1"}
    assert hide("sesame of eu-central-1", {}, given) == "… of eu-central-1"


def test_the_manual_names_every_object_upstream(tmp_path: Path) -> None:
    station = make_sending_station(tmp_path)
    station.sync()
    manual = (REPOSITORY / "docs/integrator.md").read_text(encoding="utf-8")
    folders = {name.partition("/")[0] for name in station.sent()}
    assert {folder for folder in folders if f"`{folder}/" not in manual} == set()
