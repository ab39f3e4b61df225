"""What a check raises becomes a finding, and never hides those of the next check."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest

from qc_edge.diagnostics.finding import Finding, Level, ok
from qc_edge.diagnostics.runner import Check, run_checks
from qc_edge.errors import ModelError


def raising(error: Exception) -> Callable[[], Iterator[Finding]]:
    """A check that finds one thing and then fails."""

    def look() -> Iterator[Finding]:
        yield ok("begun")
        raise error

    return look


def findings_after(error: Exception, *, about_host: bool = False) -> list[Finding]:
    """Of a check that fails so, and of one after it."""
    checks = [Check("model", raising(error), about_host), Check("disk", lambda: [ok("room")])]
    return run_checks("line1", checks)


def test_every_finding_names_its_station_and_area() -> None:
    begun, _, room = findings_after(ModelError("torn", "install it again"))
    assert (begun.station, begun.area, begun.message) == ("line1", "model", "begun")
    assert (room.station, room.area, room.message) == ("line1", "disk", "room")


@pytest.mark.parametrize("about_host", [False, True])
def test_an_error_of_the_station_is_a_fault_with_its_exit_code(about_host: bool) -> None:
    fault = findings_after(ModelError("torn", "install it again"), about_host=about_host)[1]
    assert (fault.level, fault.message, fault.hint) == (Level.FAULT, "torn", "install it again")
    assert fault.exit_code == 65


def test_a_disk_that_refuses_is_a_fault_of_the_store() -> None:
    fault = findings_after(OSError(errno.EIO, "Input/output error", "/state/spool"))[1]
    assert (fault.level, fault.exit_code) == (Level.FAULT, 74)
    assert "/state/spool" in fault.message


def test_a_look_at_the_box_that_fails_in_itself_is_a_warning() -> None:
    warning = findings_after(ValueError("no number"), about_host=True)[1]
    assert (warning.level, warning.exit_code) == (Level.WARNING, 0)
    assert warning.message == "could not be looked at: ValueError: no number"


def test_a_look_at_the_box_that_this_user_may_not_take_says_how_to_take_it() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", "/var/lib/x")
    warning = findings_after(refused, about_host=True)[1]
    assert (warning.level, warning.message) == (Level.WARNING, "/var/lib/x: not allowed")
    assert "sudo qc-edge doctor line1" in warning.hint
