"""The image's definitions hold together, and its bill of materials names what is in the tree."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

from tests.quality.tools import REPOSITORY

IMAGE = REPOSITORY / "systemd/image"
STATUS = """\
Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.3.1-1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_the_bill_of_materials_names_packages_and_licences(tmp_path: Path) -> None:
    for name, text in {
        "var/lib/dpkg/status": STATUS,
        "usr/share/doc/zlib1g/copyright": "Files: *\nLicense: Zlib\n\nLicense: GPL-2+\n a text\n",
        "usr/lib/qc-edge/lib/duckdb-1.0.dist-info/METADATA": "Name: duckdb\nVersion: 1.0\n"
        "License: MIT\n\nA description: License: none\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = subprocess.run(
        [sys.executable, IMAGE / "sbom.py", tmp_path, "7"], capture_output=True, check=True
    ).stdout
    bill = json.loads(made)
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", "7")
    assert [(each["purl"], each["licenses"]) for each in bill["components"]] == [
        (
            "pkg:deb/debian/zlib1g@1:1.3.1-1?arch=amd64",
            [{"license": {"name": "GPL-2+"}}, {"license": {"name": "Zlib"}}],
        ),
        ("pkg:pypi/duckdb@1.0", [{"license": {"name": "MIT"}}]),
    ]


def test_what_sysupdate_looks_for_is_what_the_build_and_the_slots_are_called() -> None:
    transfers = {
        path.stem: path.read_text()
        for path in (IMAGE / "mkosi.extra/usr/lib/sysupdate.d").iterdir()
    }
    for kind, slot in (("root", "10-root-a"), ("verity", "11-root-a-verity")):
        text = next(text for name, text in transfers.items() if name.endswith(kind))
        partition = (IMAGE / f"mkosi.repart/{slot}.conf").read_text()
        assert f"MatchPattern=qc-edge_@v.{kind}.@u.raw" in text
        assert f"SplitName={kind}.%U" in partition
        label = re.search(r"Label=(\S+)", partition)
        assert label is not None
        assert f"MatchPattern={label[1].replace('%A', '@v')}" in text
    assert "TriesLeft=3" in transfers["30-kernel"]
    assert max(transfers) == "30-kernel", "the kernel comes last: then all of the version is there"


def test_every_unit_of_the_image_is_enabled_or_wanted() -> None:
    preset = (IMAGE / "mkosi.extra/usr/lib/systemd/system-preset/10-qc-edge.preset").read_text()
    rules = (IMAGE / "mkosi.extra/usr/lib/udev/rules.d/70-qc-edge-seed.rules").read_text()
    units = [path.name for path in (IMAGE / "mkosi.extra/usr/lib/systemd/system").iterdir()]
    assert units
    stick = (IMAGE / "stick.py").read_text()
    wanted = f"{preset}{rules}{stick}"
    assert [name for name in units if f"enable {name}" not in preset and name not in wanted] == []


def test_no_secret_and_no_password_is_in_the_definitions() -> None:
    files = sorted(path for path in IMAGE.rglob("*") if path.is_file())
    text = "".join(path.read_text(errors="replace") for path in files)
    assert "RootPassword" not in text
    assert "PRIVATE KEY" not in text


def test_the_pieces_of_an_update_end_where_their_file_system_does(tmp_path: Path) -> None:
    root, verity = tmp_path / "root.raw", tmp_path / "verity.raw"
    blocks = 130 * 128 + 1  # one more than what 130 blocks of hashes cover
    header = struct.pack(
        "<8sII16s32sIIQ", b"verity\0\0", 1, 1, bytes(16), b"sha256", 4096, 4096, blocks
    )
    verity.write_bytes(header)
    for path, size in ((root, 3 << 30), (verity, 64 << 20)):
        with path.open("ab") as file:
            file.truncate(size)
    trim = [sys.executable, str(IMAGE / "trim.py"), str(root), str(verity)]
    subprocess.run(trim, check=True)
    # The header, then 131 blocks of hashes, 2 of theirs, and the root.
    assert (root.stat().st_size, verity.stat().st_size) == (blocks * 4096, 135 * 4096)
    verity.write_bytes(bytes(4096))
    again = subprocess.run(trim, capture_output=True, check=False)
    assert b"no hash tree" in again.stderr


def test_nothing_updates_or_boots_the_box_by_itself() -> None:
    postinst = (IMAGE / "mkosi.postinst.chroot").read_text()
    assert "mask systemd-sysupdate.timer systemd-sysupdate-reboot.timer" in postinst


def test_a_boot_that_is_not_counted_looks_at_its_health_too() -> None:
    unit = IMAGE / "mkosi.extra/usr/lib/systemd/system/qc-edge-health.service"
    wanted = [line for line in unit.read_text().splitlines() if "edBy=" in line]
    assert wanted == ["RequiredBy=boot-complete.target", "WantedBy=qc-edge.target"]


def test_the_firewall_names_no_protocol_that_only_a_file_of_another_package_knows() -> None:
    """nft looks them up in /etc/protocols; without it no rule is loaded, and the box is open."""
    rules = (IMAGE / "mkosi.extra/etc/nftables.conf").read_text()
    code = re.sub(r"#.*", "", rules)
    named = re.findall(r"(?:l4proto|protocol|nexthdr|dport|sport) (\{[^}]*\}|\S+)", code)
    assert len(named) > 3
    assert not re.search("[a-z]", " ".join(named)), named
