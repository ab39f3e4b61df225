"""A directory of one machine that others mount: by the kernel's NFS server, or by Samba."""

from __future__ import annotations

from dataclasses import dataclass

from tests.machines.machine import Machine

SHARED = "/data/shared"

_NFS = """
modprobe nfsd
mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
mkdir -p /var/lib/nfs/nfsdcltrack /var/lib/nfs/rpc_pipefs
pgrep rpcbind >/dev/null || rpcbind -w
# A lease of 10 s: after a restart the clients may go on when it is over.
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
exportfs -o rw,sync,no_subtree_check,all_squash,anonuid=990,anongid=990,fsid=0 10.9.0.0/24:{shared}
rpc.nfsd -N 3 4
pgrep rpc.mountd >/dev/null || rpc.mountd -N 3
"""

_SMB = """
mkdir -p /run/samba /var/lib/samba/private /var/cache/samba /var/log/samba
cat >/etc/samba/smb.conf <<END
[global]
server role = standalone server
map to guest = bad user
smb ports = 445
disable netbios = yes
load printers = no
[shared]
path = {shared}
read only = no
guest ok = yes
force user = qc-edge
END
smbd -D
"""


@dataclass(frozen=True)
class FileServer:
    """`machine` serves SHARED by `protocol`: nfs or smb."""

    machine: Machine
    protocol: str

    def start(self) -> None:
        """Serve the directory, made if it is not there yet."""
        script = _NFS if self.protocol == "nfs" else _SMB
        self.machine.run(
            f"mkdir -p {SHARED} && chown qc-edge:qc-edge {SHARED}\n" + script.format(shared=SHARED)
        )

    def stop(self) -> None:
        """End the service; the machine goes on."""
        if self.protocol == "nfs":
            self.machine.run("rpc.nfsd 0; exportfs -au")
        else:
            self.machine.run("pkill -9 smbd; while pgrep smbd >/dev/null; do sleep 0.1; done")

    def mount(self, client: Machine, directory: str, options: str) -> None:
        """Mount it at `directory` of another machine."""
        if self.protocol == "nfs":
            what, kind = f"{self.machine.address}:/", "nfs4"  # it is the root of all that is served
        else:
            what, kind = f"//{self.machine.address}/shared", "cifs"
            options = f"guest,uid=990,gid=990,forceuid,forcegid,{options}"
        client.run(
            f"modprobe {'nfsv4' if kind == 'nfs4' else 'cifs'}; mkdir -p {directory}\n"
            f"mountpoint -q {directory} || mount -t {kind} -o {options} {what} {directory}"
        )
