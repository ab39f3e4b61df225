"""`qc-edge provision`: a box becomes what one file says, and the second run changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qc_edge.errors import CameraError, SettingsError
from qc_edge.settings import StationPaths, load_settings, settings_digest, toml
from qc_edge.setup.provision.box_file import UserSection
from qc_edge.setup.provision.provision import Provisioning, provision_box
from qc_edge.setup.provision.reading import read_plan
from qc_edge.setup.provision.toml_text import toml_text
from tests.cli.runner import invoke

KEY = "ed25519:" + "A" * 43 + "="
PLANT = """\
[station]
time_zone = "Europe/Berlin"
deadline_ms = 800

[[camera]]
name = "top"
backend = "basler"
exposure_us = 3000
"""
RECIPE = """\
number = 7
product = "bottle"

[[view]]
name = "top"
camera = "top"
bundle = "reference@1"
"""
BOX = f"""\
provision = 1
template = "plant.toml"
trusted_keys = ["{KEY} quality"]

[box]
host_name = "qc-17"
time_servers = ["10.0.0.1"]
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFk anna@plant"]

[[network]]
interface = "enp1s0"
addresses = ["10.0.0.17/24"]
gateway = "10.0.0.1"
mtu = 9000

[upstream]
url = "s3://plant/qc"

[update]
source = "https://updates.plant.example/qc-edge"
trusted_keys = ["{KEY}"]

[[station]]
name = "line17"
cameras = {{ top = "40012317" }}
recipes = ["bottle.toml"]
settings.model.threshold = 0.45

[[user]]
name = "anna"
role = "engineer"
"""


def nobody(paths: StationPaths, user: UserSection, dry: bool) -> tuple[str, str | None]:
    return "same", None


def provisioned(
    root: Path, file: Path, serials: frozenset[str] = frozenset(), dry: bool = False
) -> Provisioning:
    return provision_box(root, read_plan(file), lambda: serials, nobody, dry=dry)


def written(where: Path, text: str = BOX) -> Path:
    where.mkdir(exist_ok=True)
    (where / "plant.toml").write_text(PLANT)
    (where / "bottle.toml").write_text(RECIPE)
    (where / "box.toml").write_text(text)
    return where / "box.toml"


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_a_box_becomes_what_its_file_says_and_again_changes_nothing(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    told = json.loads(invoke("provision", file, "--root", root, "--json").output)
    assert told["changed"]
    assert list(told["codes"]) == ["line17 anna"]
    settings = load_settings(root / "etc/qc-edge/line17.toml")
    assert (settings.station.deadline_ms, settings.model.threshold) == (800, 0.45)
    assert (settings.camera[0].serial, settings.camera[0].exposure_us) == ("40012317", 3000)
    assert settings.model.trusted_keys == (f"{KEY} quality",)
    assert settings.upstream.url == "s3://plant/qc"
    assert (root / "etc/hostname").read_text() == "qc-17\n"
    assert "NTP=10.0.0.1" in (root / "etc/systemd/timesyncd.conf.d/60-qc-edge.conf").read_text()
    network = (root / "etc/systemd/network/50-qc-edge-enp1s0.network").read_text()
    assert "Address=10.0.0.17/24" in network
    assert "anna@plant" in (root / "etc/ssh/authorized_keys.d/root").read_text()
    assert "https://updates" in (root / "etc/qc-edge/box/update.toml").read_text()
    assert (root / "var/lib/qc-edge/line17/recipes/bottle/1.toml").is_file()
    assert (root / "etc/systemd/system/qc-edge.target.wants/qc-edge@line17.service").is_symlink()
    assert any("40012317 is not there" in words for words in told["missing"])
    before = tree(root)
    again = json.loads(invoke("provision", file, "--root", root, "--json").output)
    assert (again["changed"], again["done"], again["codes"]) == (False, [], {})
    assert invoke("provision", file, "--root", root, "--check").exit_code == 0
    assert tree(root) == before


def test_a_check_says_what_would_change_and_touches_nothing(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    root.mkdir()
    checked = invoke("provision", file, "--root", root, "--check")
    assert checked.exit_code == 1
    assert "line17.toml" in checked.output
    assert tree(root) == {}


def test_a_changed_line_is_the_only_change(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    provisioned(root, file)
    provisioned(root, written(file.parent, BOX.replace("0.45", "0.5")))
    again = provisioned(root, written(file.parent, BOX.replace("0.45", "0.55")))
    assert [
        (change.what, Path(change.subject).name)
        for change in again.installer.changes
        if change.what in {"new", "updated", "removed", "edited by hand, kept as"}
    ] == [("updated", "line17.toml")]


def test_what_a_person_has_edited_is_kept_beside(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    provisioned(root, file)
    settings = root / "etc/qc-edge/line17.toml"
    settings.write_text(settings.read_text() + "[log]\nverdicts_per_s = 2\n")
    provisioned(root, file)
    assert "verdicts_per_s" in settings.with_name("line17.toml.edited").read_text()
    assert "verdicts_per_s" not in settings.read_text()


def test_forty_boxes_come_from_one_template_and_forty_small_files(tmp_path: Path) -> None:
    stick, digests = tmp_path / "stick", set()
    for number in range(1, 41):
        own = BOX.replace("17", f"{number:02}").replace("400123", "4001")
        own = own.replace("10.0.0.0", "10.0.0.").replace('recipes = ["bottle.toml"]\n', "")
        file, root = written(stick, own), tmp_path / f"box{number:02}"
        assert provisioned(root, file, frozenset({f"4001{number:02}"})).missing == []
        settings = load_settings(root / f"etc/qc-edge/line{number:02}.toml")
        assert settings.camera[0].serial == f"4001{number:02}"
        assert settings.station.deadline_ms == 800
        digests.add(settings_digest(settings))
        assert not provisioned(root, file, dry=True).installer.has_changed
    assert len(digests) == 40


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('host_name = "qc-17"', 'hostname = "qc-17"', "line 6, box.hostname: unknown key; did"),
        ("mtu = 9000", 'mtu = "big"', "line 14, network.#1.mtu: Input should be a valid integer"),
        ('= ["ssh-ed25519', '= ["ssh-dss', "ssh_keys: got 'ssh-dss"),
        ("threshold = 0.45", "treshold = 0.45", "line 27, model.treshold: unknown key"),
        ("deadline_ms = 800", "deadline_ms = 0", "plant.toml, line 3, station.deadline_ms"),
        (f'["{KEY} quality"]', '["ed25519:x"]', "line 3, model.trusted_keys: got 'ed25519:x'"),
        ('"https://updates', '"ftp://updates', "update.source: got 'ftp://updates"),
        ("gateway =", 'password = "x"\ngateway =', "looks like a secret: network.password"),
        ("s3://plant", "https://anna:geheim@plant", "looks like a secret: upstream.url"),
        ("provision = 1", "provision = 2", "line 1, provision"),
        ('"plant.toml"', '"plants.toml"', "plants.toml: [Errno 2]"),
        ("10.0.0.17/24", "10.0.0.300/24", "line 12, network.#1.addresses: '10.0.0.300/24' does"),
        ("10.0.0.17/24", "10.0.0.17", "line 12, network.#1.addresses: got '10.0.0.17', expected"),
        ('"10.0.0.1"\nmtu', '"10.0.0"\nmtu', "line 13, network.#1.gateway: '10.0.0' does not"),
        ("[[network]]", '[[network]]\ninterface = "enp1s0"\n[[network]]', "an interface is given"),
        ('name = "anna"', 'name = "Anna"', "user.#1.name"),
        ('["bottle.toml"]', '["bottle.toml", "b/bottle.toml"]', "a recipe is given twice"),
        ('["bottle.toml"]', '["Bottle 7.toml"]', "names a recipe 'Bottle 7'"),
        (
            "[station]\ntime",
            '[station]\nname = "line17"\ntime',
            "plant.toml, line 2, station.name: it would be",
        ),
    ],
)
def test_a_file_that_is_wrong_says_where_and_writes_nothing(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    for each in (file, file.with_name("plant.toml")):
        each.write_text(each.read_text().replace(before, after, 1))
    with pytest.raises(SettingsError) as caught:
        provisioned(root, file)
    assert said in caught.value.message
    assert f"{file} over {file}" not in caught.value.message, "each file is named once"
    assert not root.exists()


def test_a_station_that_is_not_to_start_at_boot_is_one_all_the_same(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    provisioned(root, file)
    provisioned(root, written(file.parent, BOX.replace("cameras =", "enable = false\ncameras =")))
    assert not (root / "etc/systemd/system/qc-edge.target.wants").exists()
    assert (root / "etc/qc-edge/line17.toml").is_file()


def test_settings_that_somebody_broke_by_hand_are_mended(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    provisioned(root, file)
    (root / "etc/qc-edge/line17.toml").write_text("[station\n")
    checked = invoke("provision", file, "--root", root, "--check")
    assert (checked.exit_code, "line17.toml" in checked.output) == (1, True)
    provisioned(root, file)
    assert load_settings(root / "etc/qc-edge/line17.toml").model.threshold == 0.45


def test_an_interface_that_is_not_named_any_more_loses_its_address(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    provisioned(root, file)
    other = root / "etc/systemd/network/10-plant.network"
    other.write_text("[Match]\n")
    provisioned(root, written(file.parent, BOX.replace("enp1s0", "enp2s0")))
    names = sorted(path.name for path in other.parent.iterdir())
    assert names == ["10-plant.network", "50-qc-edge-enp2s0.network"]


def test_a_date_in_the_template_stays_one(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    (file.parent / "plant.toml").write_text(f"{PLANT}[spc]\nreference_from = 2026-11-01\n")
    provisioned(root, file)
    spc = load_settings(root / "etc/qc-edge/line17.toml").spc
    assert str(spc.reference_from)[:10] == "2026-11-01"


def test_what_is_written_is_what_was_read() -> None:
    text = (
        '[a]\n"b c" = { "d.e" = [1, 2.5, true, 10:30:00] }\n[[f]]\n"g/h" = 2026-11-01T10:30:00Z\n'
    )
    assert toml.loads(toml_text(toml.loads(text))) == toml.loads(text)


def test_a_camera_that_cannot_be_looked_for_is_said(tmp_path: Path) -> None:
    def no_pylon() -> frozenset[str]:
        raise CameraError("pypylon is not installed")

    done = provision_box(tmp_path / "box", read_plan(written(tmp_path / "s")), no_pylon, nobody)
    assert done.missing == ["cameras could not be looked for: pypylon is not installed"]


def test_credentials_beside_the_file_are_for_root_alone(tmp_path: Path) -> None:
    file, root = written(tmp_path / "stick"), tmp_path / "box"
    (file.parent / "credstore.encrypted").mkdir()
    (file.parent / "credstore.encrypted/upstream").write_bytes(b"sealed")
    provisioned(root, file)
    kept = root / "etc/credstore.encrypted/upstream"
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"sealed", 0o600)


def test_an_emulated_camera_plays_the_parts_that_are_rendered_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qc_edge.setup.provision.station_state.PLAYED_PARTS", 6)
    text = 'provision = 1\n[[station]]\nname = "line1"\n'
    text += 'settings.camera = [{ name = "top", backend = "emulated" }]\n'
    provisioned(tmp_path / "box", written(tmp_path / "stick", text))
    (camera,) = load_settings(tmp_path / "box/etc/qc-edge/line1.toml").camera
    assert camera.images is not None
    assert len(list(camera.images.glob("*.png"))) == 6
