"""How long the page's own certificate is good for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timezone
from pathlib import Path

from cryptography import x509

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.service.clock import utc_now

_SOON_DAYS = 30


def check_certificate(page: Path) -> Iterator[Finding]:
    """The certificate in the page's directory: not yet good, good, or soon no more."""
    path = page / "page.pem"
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        yield ok("the page has no certificate yet: it makes one at its first start")
        return
    except ValueError as fault:
        yield warning(f"{path} is no certificate: {fault}", _renew(path))
        return
    now = utc_now()
    since = certificate.not_valid_before_utc.astimezone(timezone.utc)
    until = certificate.not_valid_after_utc.astimezone(timezone.utc)
    days = (until - now).days
    if now < since:
        yield warning(
            f"the page's certificate begins {since:%Y-%m-%d}, the clock says {now:%Y-%m-%d}",
            "set the clock: browsers refuse the page until then",
        )
    elif days < 0:
        yield warning(f"the page's certificate ended {until:%Y-%m-%d}", _renew(path))
    elif days < _SOON_DAYS:
        yield warning(f"the page's certificate ends in {days} days", _renew(path))
    else:
        yield ok(f"the page's certificate is good until {until:%Y-%m-%d}, {days:,} days")


def _renew(path: Path) -> str:
    return f"sudo rm {path}, then restart the page: it makes a new one, which browsers ask about"
