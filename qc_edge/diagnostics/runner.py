"""Runs checks in order; what a check raises becomes a finding, so that none hides the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from qc_edge.diagnostics.finding import Finding, warning
from qc_edge.diagnostics.rights import denied_hint
from qc_edge.errors import QcEdgeError
from qc_edge.store.disk_errors import store_error


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a station: the `area` that its findings are filed under, and how to take it.

    `about_host` marks a look at what the station does not need in order to start (other programs,
    the kernel's files, hardware). If such a look goes wrong in itself, that is a warning; in the
    others it is a fault of the station.
    """

    area: str
    run: Callable[[], Iterable[Finding]]
    about_host: bool = False


def run_checks(station: str, checks: Iterable[Check]) -> list[Finding]:
    """All findings of `checks` on `station`, in order; never raises for a fault of the station."""
    return [
        finding.located(station, check.area)
        for check in checks
        for finding in _findings(station, check)
    ]


def _findings(station: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check.run()
    except QcEdgeError as error:
        yield Finding.of_error(error)
    except (OSError, LookupError, TypeError, ValueError) as error:
        if check.about_host:
            yield _failed_look(station, error)
        elif isinstance(error, OSError):
            yield Finding.of_error(store_error(error, str(error.filename or check.area)))
        else:
            raise


def _failed_look(station: str, error: Exception) -> Finding:
    """The look itself failed: no right to look, or another program answers in a new format."""
    if isinstance(error, PermissionError):
        return warning(f"{error.filename}: not allowed", denied_hint(station))
    return warning(
        f"could not be looked at: {type(error).__name__}: {error}",
        "report it with: qc-edge support-bundle",
    )
