"""`qc-edge install` and `uninstall`: the same again changes nothing, hand-made changes and data are
kept.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qc_edge.errors import StationAbsentError, UsageError
from qc_edge.settings import Settings, parse_settings
from qc_edge.setup import system_files
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.install import install, uninstall
from qc_edge.setup.network import NetworkAccess, network_needs
from qc_edge.setup.new_station import CameraChoice, provision
from tests.cli.runner import invoke

UNITS = "etc/systemd/system"
UNCHANGED = {"same", "network closed", "network open"}


def tree(root: Path) -> dict[str, str]:
    """Every file and link under `root`, with its content or target."""
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def changes(installer: FileInstaller) -> set[str]:
    return {change.what for change in installer.changes}


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box with one station, no camera."""
    provision(tmp_path, "line1", CameraChoice(None))
    return tmp_path


def test_installing_again_changes_nothing(box: Path) -> None:
    assert "new" in changes(install(box, ["line1"], systemd=252))
    before = tree(box)
    assert changes(install(box, ["line1"], systemd=252)) <= UNCHANGED
    assert tree(box) == before


def test_uninstalling_leaves_what_was_there_before(box: Path) -> None:
    before = tree(box)
    install(box, ["line1"], systemd=257)
    said = uninstall(box)
    assert tree(box) == before
    assert [change.subject for change in said.changes if change.what == "kept"] == [
        str(box / "etc/qc-edge"),
        str(box / "var/lib/qc-edge"),
    ]
    assert changes(uninstall(box)) == {"kept"}


def test_a_dry_run_touches_nothing_and_says_the_same(box: Path) -> None:
    before = tree(box)
    dry = install(box, ["line1"], systemd=252, dry=True)
    assert tree(box) == before
    assert dry.changes == install(box, ["line1"], systemd=252).changes


@pytest.mark.parametrize(
    ("systemd", "drop_ins"),
    [
        (249, set()),
        (252, {"idle"}),
        (257, {"idle", "back-off"}),
    ],
)
def test_each_systemd_gets_what_it_understands(
    tmp_path: Path, systemd: int, drop_ins: set[str]
) -> None:
    install(tmp_path, systemd=systemd)
    found = {path.stem[3:] for path in (tmp_path / UNITS / "qc-edge@.service.d").glob("*.conf")}
    if (tmp_path / UNITS / "user.slice.d/60-qc-edge.conf").exists():
        found.add("idle")
    assert found == drop_ins


def test_what_an_older_systemd_does_not_understand_is_taken_away(tmp_path: Path) -> None:
    install(tmp_path, systemd=257)
    install(tmp_path, systemd=252)
    assert not (tmp_path / UNITS / "qc-edge@.service.d").exists()
    install(tmp_path, systemd=249)
    assert not (tmp_path / UNITS / "user.slice.d").exists()


def test_a_file_edited_by_hand_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    install(tmp_path, systemd=252)
    unit = tmp_path / UNITS / "qc-edge@.service"
    edited = unit.read_text() + "Nice=5\n"
    unit.write_text(edited)
    assert "edited by hand, kept as" in changes(install(tmp_path, systemd=252))
    assert unit.with_name("qc-edge@.service.edited").read_text() == edited
    assert "Nice=5" not in unit.read_text()


def test_a_station_that_needs_no_network_gets_none(box: Path) -> None:
    install(box, ["line1"], systemd=252)
    drop_in = box / UNITS / "qc-edge@line1.service.d/50-network.conf"
    assert "PrivateNetwork=yes" in drop_in.read_text()
    install(box, ["line1"], network=NetworkAccess.OPEN, systemd=252)
    assert not drop_in.exists()


def test_a_camera_that_may_be_on_the_network_keeps_it_open(tmp_path: Path) -> None:
    provision(tmp_path, "line1", CameraChoice("basler", serial="40012345"))
    said = install(tmp_path, ["line1"], systemd=252)
    assert "network open" in changes(said)
    assert not (tmp_path / UNITS / "qc-edge@line1.service.d").exists()
    install(tmp_path, ["line1"], network=NetworkAccess.CLOSED, systemd=252)
    assert (tmp_path / UNITS / "qc-edge@line1.service.d/50-network.conf").exists()


def test_it_is_known_of_every_section_of_the_settings_whether_it_needs_the_network() -> None:
    """A new section that speaks over the network must be asked for it in `network_needs`, then
    named here.
    """
    asked, silent = (
        {"camera", "metrics", "output"},
        {"station", "incoming", "model", "engine", "inspect", "storage", "log", "shadow", "anchor"}
        | {"view", "part", "recipe", "review", "spc", "due", "challenge", "approval", "retention"}
        | {"page", "upstream"},  # units of their own
    )
    assert set(Settings.model_fields) <= asked | silent
    assert network_needs(parse_settings('[station]\nname = "line1"\n', "line1.toml")) == []


def test_a_port_for_metrics_needs_the_network() -> None:
    text = '[station]\nname = "line1"\n[metrics]\nlisten = "127.0.0.1:9464"\n'
    assert "127.0.0.1:9464" in network_needs(parse_settings(text, "line1.toml"))[0]


LINE = """
[[output]]
name = "plc"
protocol = "modbus"
listen = "127.0.0.1:5020"
peers = ["192.168.10.20", "203.0.113.7"]
"""


def test_an_output_opens_its_port_and_its_peers_alone(tmp_path: Path) -> None:
    provision(tmp_path, "line1", CameraChoice("folder", images=tmp_path))
    settings = tmp_path / "etc/qc-edge/line1.toml"
    settings.write_text(settings.read_text() + LINE)
    install(tmp_path, ["line1"], systemd=252)
    drop_in = tmp_path / UNITS / "qc-edge@line1.service.d/50-network.conf"
    lines = drop_in.read_text().splitlines()
    assert "IPAddressAllow=localhost 192.168.10.20 203.0.113.7" in lines
    assert lines.index("IPAddressAllow=") < lines.index("SocketBindDeny=any")
    assert "SocketBindAllow=tcp:5020" in lines
    assert "PrivateNetwork=yes" not in lines


def test_an_output_that_calls_opens_the_other_end_alone_and_no_port(tmp_path: Path) -> None:
    provision(tmp_path, "line1", CameraChoice("folder", images=tmp_path))
    settings = tmp_path / "etc/qc-edge/line1.toml"
    broker = (
        'name = "plc"\nprotocol = "mqtt"\nbroker = "192.168.10.5:8883"\ntopic = "plant/line1"\n'
    )
    settings.write_text(f"{settings.read_text()}\n[[output]]\n{broker}")
    install(tmp_path, ["line1"], systemd=252)
    drop_in = tmp_path / UNITS / "qc-edge@line1.service.d/50-network.conf"
    lines = drop_in.read_text().splitlines()
    assert "IPAddressAllow=localhost 192.168.10.5" in lines
    assert "SocketBindDeny=any" in lines
    assert not [line for line in lines if line.startswith("SocketBindAllow")]


def test_beside_a_camera_on_the_network_only_peers_from_elsewhere_are_added(tmp_path: Path) -> None:
    provision(tmp_path, "line1", CameraChoice("basler", serial="40012345"))
    settings = tmp_path / "etc/qc-edge/line1.toml"
    settings.write_text(settings.read_text() + LINE)
    install(tmp_path, ["line1"], systemd=252)
    text = (tmp_path / UNITS / "qc-edge@line1.service.d/50-network.conf").read_text()
    assert "IPAddressAllow=203.0.113.7\n" in text
    assert "SocketBind" not in text


def test_a_station_starts_at_boot_once_it_is_installed(box: Path) -> None:
    install(box, ["line1"], systemd=252)
    wants = box / UNITS / "qc-edge.target.wants/qc-edge@line1.service"
    assert wants.readlink() == Path("/") / UNITS / "qc-edge@.service"
    assert (box / UNITS / "multi-user.target.wants/qc-edge.target").is_symlink()


def test_what_a_package_has_brought_is_left_to_it(box: Path) -> None:
    vendor = box / "usr/lib/systemd/system/qc-edge@.service"
    vendor.parent.mkdir(parents=True)
    vendor.write_text("# from the package\n")
    said = install(box, ["line1"], systemd=252)
    assert "left to the package" in changes(said)
    assert not (box / UNITS / "qc-edge@.service").exists()
    wants = box / UNITS / "qc-edge.target.wants/qc-edge@line1.service"
    assert wants.readlink() == Path("/usr/lib/systemd/system/qc-edge@.service")


def test_a_station_without_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StationAbsentError):
        install(tmp_path, ["line9"], systemd=252)


def test_software_that_the_service_could_not_see_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.prefix", "/home/anna/venv")
    with pytest.raises(UsageError, match="hidden"):
        system_files.installed_programs(None)


def test_the_units_start_the_software_where_the_box_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "srv/qc"))
    monkeypatch.setattr(
        system_files, "shipped_directory", lambda: Path(__file__).parents[2] / "systemd"
    )
    install(tmp_path, systemd=252)
    assert (
        "ExecStart=/srv/qc/bin/qc-edge run %i"
        in (tmp_path / UNITS / "qc-edge@.service").read_text()
    )


def test_scripts_can_read_what_was_done(box: Path) -> None:
    said = json.loads(invoke("install", "--prefix", box, "--station", "line1", "--json").stdout)
    assert {"what": "network closed", "subject": "line1: nothing in the settings needs it"} in said[
        "done"
    ]
    assert "kept" in {
        change["what"]
        for change in json.loads(invoke("uninstall", "--prefix", box, "--json").stdout)["done"]
    }
