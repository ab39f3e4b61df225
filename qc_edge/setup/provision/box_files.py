"""The box's own files: its name, time, network, who may log in, where updates come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.provision.box_file import BoxFile, InterfaceSection
from qc_edge.setup.provision.toml_text import toml_text
from qc_edge.setup.provision.update_source import UPDATE_FILE
from qc_edge.setup.system_files import with_header

TIME_FILE = "etc/systemd/timesyncd.conf.d/60-qc-edge.conf"
SSH_FILE = "etc/ssh/sshd_config.d/60-qc-edge.conf"
KEYS_FILE = "etc/ssh/authorized_keys.d/root"
_SSH = "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\n"
_NETWORKS = "etc/systemd/network"
_CREDENTIALS = ("credstore", "credstore.encrypted")


def install_box(installer: FileInstaller, root: Path, file: BoxFile) -> None:
    """Write what `file` says of the box under `root`; what it leaves out stays as it is."""
    box = file.box
    if box.host_name:
        installer.write(root / "etc/hostname", f"{box.host_name}\n", keep=False)
    for place, text in _texts(file):
        installer.write(root / place, with_header(text, "provision"))
    if file.network:
        _remove_other_networks(installer, root, file)
    if box.ssh_keys:
        installer.write(root / KEYS_FILE, "\n".join(box.ssh_keys) + "\n", keep=False)


def install_credentials(installer: FileInstaller, root: Path, beside: Path) -> None:
    """Copy `credstore/` and `credstore.encrypted/` beside the file to where systemd looks for
    credentials, for root's eyes alone.
    """
    for name in _CREDENTIALS:
        for path in sorted((beside / name).glob("*")):
            if path.is_file():
                installer.write_secret(root / "etc" / name / path.name, path.read_bytes())


def apply_box(installer: FileInstaller, file: BoxFile) -> None:
    """Make the running system take over those of the files that have changed."""
    changed = {change.subject for change in installer.changes if change.what in {"new", "updated"}}
    if "/etc/hostname" in changed and file.box.host_name:
        installer.run("hostnamectl", "set-hostname", file.box.host_name)
    if f"/{TIME_FILE}" in changed:
        installer.run("systemctl", "try-restart", "systemd-timesyncd.service")
    if f"/{SSH_FILE}" in changed:
        installer.run("systemctl", "try-reload-or-restart", "ssh.service")
    if any(subject.startswith("/etc/systemd/network/") for subject in changed):
        installer.run("networkctl", "reload")


def _texts(file: BoxFile) -> Iterator[tuple[str, str]]:
    if file.box.time_servers:
        yield TIME_FILE, f"[Time]\nNTP={' '.join(file.box.time_servers)}\n"
    for interface in file.network:
        yield _network_file(interface), _network(interface)
    if file.box.ssh_keys:
        yield SSH_FILE, _SSH
    if file.update:
        values = {"source": file.update.source, "trusted_keys": list(file.update.trusted_keys)}
        yield str(UPDATE_FILE), toml_text(values)


def _network_file(interface: InterfaceSection) -> str:
    return f"{_NETWORKS}/50-qc-edge-{interface.interface.replace('*', 'any')}.network"


def _remove_other_networks(installer: FileInstaller, root: Path, file: BoxFile) -> None:
    """Of interfaces that the file does not name any more: their address may be another's now."""
    named = {root / _network_file(interface) for interface in file.network}
    for path in sorted((root / _NETWORKS).glob("50-qc-edge-*.network")):
        if path not in named:
            installer.remove(path)


def _network(interface: InterfaceSection) -> str:
    lines = ["[Match]", f"Name={interface.interface}", "", "[Network]"]
    lines += [f"Address={address}" for address in interface.addresses] or ["DHCP=yes"]
    lines += [f"Gateway={interface.gateway}"] if interface.gateway else []
    lines += [f"DNS={server}" for server in interface.dns]
    lines += ["", "[Link]", f"MTUBytes={interface.mtu}"] if interface.mtu else []
    return "\n".join(lines) + "\n"
