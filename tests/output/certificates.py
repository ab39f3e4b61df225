"""An authority and certificates of it, for tests of TLS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class Authority:
    """Whose certificate, PEM, is at `path`."""

    path: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_authority(folder: Path) -> Authority:
    """A new one."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _builder("authority", key.public_key(), "authority").add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    certificate = made.sign(key, hashes.SHA256())
    path = folder / "authority.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(path, certificate, key)


def issued(authority: Authority, folder: Path, name: str) -> tuple[Path, Path]:
    """The files of a certificate for a server of this name, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    made = _builder(name, key.public_key(), "authority").add_extension(names, critical=False)
    certificate = folder / f"{name}.pem"
    certificate.write_bytes(
        made.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    secret = folder / f"{name}.key"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


def opcua_certificate(folder: Path, name: str, uri: str) -> None:
    """NAME.pem and NAME.key of an OPC UA application: RSA, signed by itself, as those have it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    names = [x509.UniformResourceIdentifier(uri), x509.IPAddress(ip_address("127.0.0.1"))]
    uses = dict.fromkeys(("crl_sign", "key_agreement", "encipher_only", "decipher_only"), False)
    rights = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), True
    )
    made = (
        _builder(name, key.public_key(), name)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.KeyUsage(**rights, **uses, key_cert_sign=True), critical=True)
    )
    signed = made.sign(key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _builder(
    subject: str, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, issuer: str
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
