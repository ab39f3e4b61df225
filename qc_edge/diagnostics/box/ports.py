"""Which TCP ports other machines can reach: what listens, not what a firewall lets in."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.diagnostics.finding import Finding, ok
from qc_edge.diagnostics.host import Host
from qc_edge.settings import Settings

_LISTENS = "0A"
_SSH = 22


def check_ports(host: Host, settings: Settings) -> Iterator[Finding]:
    """The ports open to other machines, each with what the settings know of it."""
    ports = sorted(_open_ports(host))
    if not ports:
        yield ok("no port is open to other machines")
        return
    known = dict(_known(settings))
    words = ", ".join(f"{port} ({known.get(port, 'not this station')})" for port in ports)
    yield ok(f"open to other machines: {words}")


def _known(settings: Settings) -> Iterator[tuple[int, str]]:
    yield _SSH, "ssh"
    if settings.page.host not in {"127.0.0.1", "::1"}:
        yield int(settings.page.listen.rpartition(":")[2]), "the page"
    for output in settings.output:
        for _, port in output.listens:
            yield port, f"output {output.name}"


def _open_ports(host: Host) -> set[int]:
    """Ports that listen at another address than this machine's own."""
    ports = set()
    for file in ("proc/net/tcp", "proc/net/tcp6"):
        for line in (host.read(file) or "").splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == _LISTENS and not _is_loopback(address):
                ports.add(int(port, 16))
    return ports


def _is_loopback(address: str) -> bool:
    """127/8 or ::1, as proc(5) writes them: words of four bytes in the machine's own order."""
    if len(address) == 8:
        return address.endswith("7F")
    mapped = address.startswith("0000000000000000FFFF0000") and address.endswith("7F")
    return mapped or address == "00000000000000000000000001000000"
