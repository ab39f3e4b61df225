"""Days go over SFTP to OpenSSH's own server once and whole; what it refuses is said in words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.errors import UpstreamError
from qc_edge.settings import StationPaths
from qc_edge.upstream.restore import Restore
from qc_edge.upstream.targets import Access, connect
from tests.cli.runner import invoke
from tests.station.harness import wait_for
from tests.upstream.sealed import (
    FIRST,
    NAME,
    SECOND,
    SendingStation,
    copied,
    make_sending_station,
    nothing,
)
from tests.upstream.ssh_server import SshServer, ssh_server

LARGE = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(60_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SendingStation:
    return make_sending_station(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def station(sealed: SendingStation, tmp_path: Path) -> SendingStation:
    return copied(sealed, tmp_path / "s")


def unfinished(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if "#" in path.name]


def test_what_is_there_is_never_replaced(server: SshServer, tmp_path: Path) -> None:
    with server.target(tmp_path) as target:
        assert target.put_if_absent("a/b=c/2.json", b"first")
        assert not target.put_if_absent("a/b=c/2.json", b"second")
        assert target.get("a/b=c/2.json") == b"first"
        assert (target.get("a/nothing"), target.size("a/nothing")) == (None, None)
        assert (target.size("a/b=c/2.json"), target.piece("a/b=c/2.json", 1, 3)) == (5, b"irs")
        assert target.put_if_absent("a/10.json", LARGE)
        assert target.get("a/10.json") == LARGE
        (tmp_path / "a/11.json#123").write_bytes(b"not whole")
        others = tmp_path / os.fsdecode(b"a/caf\xe9.json")
        others.touch()
        own = {"a/10.json", "a/b=c/2.json"}
        assert set(target.names("a")) == own | {str(others.relative_to(tmp_path))}
        assert list(target.names("nothing")) == []
        assert target.newest("a") == (10, "a/10.json", LARGE)
    assert unfinished(tmp_path) == [tmp_path / "a/11.json#123"]


def test_a_night_over_sftp_is_as_one_to_a_directory_and_comes_back(
    server: SshServer, sealed: SendingStation, station: SendingStation, tmp_path: Path
) -> None:
    there = copied(sealed, tmp_path / "directory")
    there.sync()
    with server.target(station.upstream) as target:
        report = station.sync(target)
        assert [receipt.day for receipt in report.sent] == [FIRST, SECOND]
        assert station.sync(target).sent == []
        paths = StationPaths(tmp_path / "new", NAME)
        assert Restore(paths, target, nothing).run().days == [FIRST, SECOND]
    settings = [name for name in there.sent() if "/index/" in name or "records/" in name]
    same = there.sent().keys() - set(settings)
    assert same and {name: station.sent()[name] for name in same} == {
        name: there.sent()[name] for name in same
    }


def test_cut_anywhere_the_next_night_ends_with_every_day_once(
    server: SshServer, station: SendingStation
) -> None:
    """To the server that is the same as a station that was killed."""
    for limit in (1_500, 6_000, 9_000, 14_000, 22_000, 34_000, 45_000):
        server.cuts[:] = [limit]
        with (
            server.target(station.upstream) as target,
            pytest.raises(UpstreamError, match=r"cut|connect"),
        ):
            station.sync(target)
    with server.target(station.upstream) as target:
        assert station.sync(target).refused == {}
    assert station.receipted() == [FIRST, SECOND]
    assert len([name for name in station.sent() if name.startswith("receipts/")]) == 2


def test_a_file_that_was_cut_goes_on_where_it_stopped(server: SshServer, tmp_path: Path) -> None:
    server.cuts[:] = [1_300_000]
    with server.target(tmp_path) as target, pytest.raises(UpstreamError, match="was cut"):
        target.put_if_absent("large", LARGE)
    wait_for(lambda: server.is_idle, "sshd has ended", 60)
    (part,) = unfinished(tmp_path)
    part.write_bytes(LARGE[:1_200_000])  # how much of it came depends on who was faster
    with server.target(tmp_path) as target:
        assert target.put_if_absent("large", LARGE)
    assert server.received[-1] < len(LARGE) - 700_000
    assert (tmp_path / "large").read_bytes() == LARGE
    assert unfinished(tmp_path) == []


def test_a_cut_is_tried_again_by_itself(server: SshServer, tmp_path: Path) -> None:
    server.cuts[:] = [1_300_000, 500, 400_000]
    with server.target(tmp_path, retry_min=2) as target:
        assert target.put_if_absent("large", LARGE)
        assert target.get("large") == LARGE
    assert server.cuts == []


def test_a_part_that_a_power_cut_has_spoilt_is_written_over(
    server: SshServer, tmp_path: Path
) -> None:
    server.cuts[:] = [1_300_000]
    with server.target(tmp_path) as target, pytest.raises(UpstreamError):
        target.put_if_absent("large", LARGE)
    wait_for(lambda: server.is_idle, "sshd has ended", 60)
    (part,) = unfinished(tmp_path)
    part.write_bytes(LARGE[:500_000] + bytes(3_000_000))
    with server.target(tmp_path) as target:
        assert target.put_if_absent("large", LARGE)
    assert (tmp_path / "large").read_bytes() == LARGE


def test_a_file_that_was_corrupted_here_is_refused(
    server: SshServer, station: SendingStation
) -> None:
    path = next(station.paths.published.glob(f"inspections/date={FIRST}/hour=13.parquet"))
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with server.target(station.upstream) as target:
        assert "hour=13.parquet is not the file" in station.sync(target).refused[FIRST]
    assert station.receipted() == [SECOND]


def test_no_host_key_is_trusted_at_first_sight(server: SshServer, tmp_path: Path) -> None:
    def refusal(known_hosts: Path, pinned: tuple[str, ...] = ()) -> str:
        access = Access(
            server.login, retry_min=0, host_keys=pinned, known_hosts=tmp_path / known_hosts
        )
        with connect(server.url(tmp_path), access) as target:
            try:
                target.get("a")
            except UpstreamError as fault:
                return fault.message
        return ""

    (tmp_path / "empty").touch()
    known = server.known_hosts(tmp_path / "known")
    assert refusal(known) == ""
    assert server.fingerprint() in refusal(Path("empty"))
    assert "is not known" in refusal(Path("missing"))
    other = server.known_hosts(tmp_path / "other", "other")
    assert "it has changed, or another server answers" in refusal(other)
    assert refusal(Path("empty"), (server.fingerprint(),)) == ""
    (tmp_path / "damaged").write_bytes(b"no-key-here\n")
    assert "cannot read" in refusal(Path("damaged"))
    (tmp_path / "damaged").write_bytes(b"\xff\xfe")
    assert "cannot read" in refusal(Path("damaged"))
    # A pin stands alone: what the file has does not count beside it.
    assert "it has changed" in refusal(known, ("SHA256:" + 43 * "A",))
    assert not list(tmp_path.glob("a*"))


def test_a_key_that_is_refused_and_a_place_that_is_not_there_are_said(
    server: SshServer, tmp_path: Path
) -> None:
    other = {"sftp_key_file": str(server.directory / "other")}
    with (
        server.target(tmp_path, other) as target,
        pytest.raises(UpstreamError, match="key or password is refused"),
    ):
        target.get("a")
    with server.target(tmp_path, {}) as target, pytest.raises(UpstreamError, match="no key and no"):
        target.get("a")
    with (
        server.target(tmp_path / "absent") as target,
        pytest.raises(UpstreamError, match="absent is no directory there"),
    ):
        target.put_if_absent("a", b"a")


def test_a_user_who_has_no_sftp_there_is_told_so(server: SshServer, tmp_path: Path) -> None:
    config = server.directory / "config"
    text = config.read_text()
    config.write_text(text.replace("Subsystem", "#"))
    try:
        with (
            server.target(tmp_path) as target,
            pytest.raises(UpstreamError, match="gives this user no SFTP"),
        ):
            target.get("a")
    finally:
        config.write_text(text)


def test_the_commands_send_and_bring_back_by_sftp(
    server: SshServer,
    station: SendingStation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SFTP_KEY_FILE", server.login["sftp_key_file"])
    url = server.url(station.upstream)
    known = server.known_hosts(tmp_path / "known")
    station.configure(url=url, same_disk=False, known_hosts=str(known))
    sent = invoke("sync", NAME, "--root", station.paths.root)
    assert sent.exit_code == 0, sent.output
    assert station.receipted() == [FIRST, SECOND]
    back = ("restore", NAME, "--from", url, "--root", tmp_path / "new")
    assert isinstance(invoke(*back).exception, UpstreamError)
    report = invoke(*back, "--host-key", server.fingerprint())
    assert report.exit_code == 0, report.output
    tables = invoke("fleet", "compact", url)
    assert isinstance(tables.exception, UpstreamError) and "not over SFTP" in str(tables.exception)
