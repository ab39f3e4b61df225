"""The page's own certificate: made once, kept with its key where nobody else can read it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from qc_edge.service.clock import utc_now
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

_YEARS = 10
_PRIVATE = 0o600


def own_certificate(directory: Path, names: Iterable[str]) -> Path:
    """A PEM file with key and certificate; made for `names` and this machine's if it is missing.

    Nobody vouches for it: a browser asks once, and the technician compares the fingerprint.
    Raises StoreError.
    """
    path = directory / "page.pem"
    if not path.exists():
        make_directories([directory])
        write_file(path, _made([*names, socket.gethostname()]), mode=_PRIVATE)
    return path


def fingerprint(path: Path) -> str:
    """SHA-256 of the certificate in `path`, as browsers show it."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _made(names: list[str]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[-1][:64])])
    # From yesterday: a box without a clock of its own may start behind the browser's.
    begins = utc_now() - timedelta(days=1)
    alternatives = x509.SubjectAlternativeName(
        [_alternative(each) for each in dict.fromkeys(names)]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=365 * _YEARS))
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
