"""The Ansible role: a host becomes what its file says, and a second run changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.quality.tools import REPOSITORY

pytestmark = pytest.mark.root

BOX = """\
provision = 1

[box]
host_name = "qc-17"

[[station]]
name = "line17"
settings.station.deadline_ms = {deadline}
settings.camera = [{{ name = "top", backend = "basler", serial = "40012317" }}]
"""


def playbook(directory: Path, *options: str) -> tuple[dict[str, int], str]:
    """Run it on the host whose files lie in directory/box: its counts, and all that it says."""
    got = subprocess.run(
        [REPOSITORY / "tests/systemd/get_ansible.sh", sys.executable],
        capture_output=True,
        text=True,
        check=True,
    )
    variables = {
        "ansible_ssh_executable": str(directory / "ssh"),
        "ansible_ssh_transfer_method": "piped",
        "ansible_ssh_args": "-C",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "qc_edge_seed": str(directory / "seed"),
    }
    extra = ["-e", json.dumps(variables), "-i", str(directory / "hosts"), *options]
    own = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(directory)}
    ran = subprocess.run(
        [f"{got.stdout.strip()}/ansible-playbook", *extra, str(directory / "boxes.yml")],
        capture_output=True,
        text=True,
        env=os.environ | own,
    )
    counts = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", ran.stdout)}
    return counts, ran.stdout + ran.stderr


def program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def test_the_role_makes_a_host_what_its_file_says_and_then_changes_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "ansible"
    shutil.copytree(REPOSITORY / "systemd/ansible", directory)
    # A host without sshd: ssh's last argument is a command for the shell of the other side.
    path = f"{directory}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    shell = f'exec env -i PATH={path} HOME={directory} LANG=C.UTF-8 /bin/sh -c "${{@: -1}}"'
    program(directory / "ssh", f"[[ $1 != -V ]] || exit 0\n{shell}")
    command = f'exec {sys.executable} -m qc_edge "$@" --root {directory}/box'
    program(directory / "bin/qc-edge", f"export PYTHONPATH={REPOSITORY}\n{command}")
    (directory / "hosts").write_text("[qc_edge]\nqc-17\n")
    (directory / "boxes").mkdir()
    file, settings = directory / "boxes/qc-17.toml", directory / "box/etc/qc-edge/line17.toml"

    file.write_text(BOX.format(deadline=900))
    counts, said = playbook(directory)
    assert (counts["failed"], counts["changed"]) == (0, 1), said
    assert "camera top with serial 40012317 is not there; seen: " in said
    assert "its power and cable, or another serial in the file" in said
    assert (directory / "box/etc/hostname").read_text() == "qc-17\n"
    assert "deadline_ms = 900" in settings.read_text()

    counts, said = playbook(directory)
    assert (counts["failed"], counts["changed"]) == (0, 0), said

    file.write_text(BOX.format(deadline=950))
    counts, said = playbook(directory, "--check")
    assert (counts["failed"], counts["changed"]) == (0, 1), said
    assert "deadline_ms = 900" in settings.read_text(), "it was only said"
