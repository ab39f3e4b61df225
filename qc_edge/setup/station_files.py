"""What one station needs beyond the units: its network, owner and start at boot; never its data."""

from __future__ import annotations

import pwd
from pathlib import Path

from qc_edge.settings import Settings, StationPaths
from qc_edge.settings.layers.layer import COMMON, common_files
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.network import NetworkAccess, network_drop_in, network_needs
from qc_edge.setup.system_files import with_header

USER = "qc-edge"
DROP_GROUP = "qc-edge-drop"
"""Whoever may drop frames is in it; systemd/sysusers.d makes both."""


def station_user() -> int | None:
    """The number of the user that stations run as; None on a box that is no appliance."""
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return None


def install_station(
    installer: FileInstaller,
    paths: StationPaths,
    unit: Path,
    settings: Settings,
    network: NetworkAccess = NetworkAccess.AUTO,
    *,
    at_boot: bool = True,
) -> None:
    """Open what a station needs of the network and no more, enable it, give it its files.

    The root of `paths` is / or the directory of a box that is being built, `unit` the template that
    the station's link leads to. Not `at_boot`, only a person starts it. Raises StoreError.
    """
    root, name = paths.root, paths.name
    etc = root / "etc"
    drop_in = etc / f"systemd/system/qc-edge@{name}.service.d/50-network.conf"
    needs = network_needs(settings)
    text = network_drop_in(settings, network)
    if text is None:
        installer.remove(drop_in)
        installer.record("network open", f"{name}: {'; '.join(needs) or 'as asked for'}")
    else:
        installer.write(drop_in, with_header(text))
        why = "nothing in the settings needs it" if not needs else "as asked for"
        if "PrivateNetwork=yes" in text:
            installer.record("network closed", f"{name}: {why}")
        else:
            installer.record("network open", f"{name}: {'; '.join(needs)}")
    link = etc / f"systemd/system/qc-edge.target.wants/qc-edge@{name}.service"
    if at_boot:
        installer.link(link, unit)
    else:
        installer.remove(link)
    # In an image that is being built the user has no number yet: it is made at the first boot.
    if root == Path("/"):
        for file in (paths.settings, *common_files(paths.settings.parent)):
            installer.set_group(file, USER, 0o640)
        if (common := paths.settings.parent / COMMON).is_dir():
            # Made under a strict umask of root's it would be closed to the station's user.
            installer.set_group(common, USER, 0o750)
        if paths.state.is_dir():
            installer.change_owner(paths.state, USER)
            # Others may pass through these two to the incoming directory, and list neither.
            for below in ("", "spool"):
                installer.set_directory_group(paths.state, below, USER, 0o751)
            # Set-group-ID: what is dropped there belongs to the group, whoever dropped it.
            installer.set_directory_group(paths.state, "spool/incoming", DROP_GROUP, 0o2770)
