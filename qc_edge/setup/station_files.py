"""What one station needs beyond the units: its network, its owner, its place in the boot; never its
data.
"""

from __future__ import annotations

from pathlib import Path

from qc_edge.settings import StationPaths, load_settings
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.network import NetworkAccess, network_needs
from qc_edge.setup.system_files import marked

USER = "qc-edge"
DROP_GROUP = "qc-edge-drop"

CLOSED_NETWORK = """\
# Nothing in this station's settings needs a network.
[Service]
PrivateNetwork=yes
RestrictAddressFamilies=
RestrictAddressFamilies=AF_UNIX AF_NETLINK
IPAddressAllow=
"""


def lay_down_station(
    installer: FileInstaller, root: Path, base: Path, unit: Path, name: str, network: NetworkAccess
) -> None:
    """Confine, own and enable station `name`, whose settings must be there. Raises SettingsError.

    `base` is the /etc to write to, `unit` the template that the station's link leads to.
    """
    paths = StationPaths(root, name)
    settings = load_settings(paths.settings)
    drop_in = base / f"systemd/system/qc-edge@{name}.service.d/50-network.conf"
    needs = network_needs(settings)
    closed = network is NetworkAccess.CLOSED or (network is NetworkAccess.AUTO and not needs)
    if closed:
        installer.write(drop_in, marked(CLOSED_NETWORK))
        why = "nothing in the settings needs it" if not needs else "as asked for"
        installer.say("network closed", f"{name}: {why}")
    else:
        installer.remove(drop_in)
        installer.say("network open", f"{name}: {'; '.join(needs) or 'as asked for'}")
    installer.link(base / f"systemd/system/qc-edge.target.wants/qc-edge@{name}.service", unit)
    if root == Path("/"):
        installer.grant(paths.settings, USER, 0o640)
        if paths.state.is_dir():
            installer.own(paths.state, USER)
        if paths.incoming.is_dir():
            for way in (paths.state, paths.incoming.parent):
                installer.grant(way, USER, 0o751)
            installer.grant(paths.incoming, DROP_GROUP, 0o2770)
