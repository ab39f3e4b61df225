"""Every error of the product, with its exit code (sysexits.h).

A fault of one part is data (INVALID or HOLD with a reason, and a row); a fault of the station is
one of these. The message says what, where and what was expected; the hint says what to do.
"""

from __future__ import annotations

from typing import ClassVar

RIGHTS_HINT = (
    "run it with sudo; to look only, join the group qc-edge and log in again: "
    "sudo usermod -aG qc-edge $USER"
)
"""What a plain user can do."""


class QcEdgeError(Exception):
    """An error for a person: what went wrong (`message`), and what to do about it (`hint`).

    `exit_code` is the process's exit status; systemd does not restart on 65 and 78, because only a
    person can mend those.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UsageError(QcEdgeError):
    """A command was asked for something that it cannot do."""

    exit_code = 64


class StationAbsentError(UsageError):
    """There is no station of that name: nothing is wrong with its settings."""

    exit_code = 66


class ModelError(QcEdgeError):
    """A model bundle is missing, torn, edited, or fails its golden frames."""

    exit_code = 65


class CalibrationError(QcEdgeError):
    """A calibration record is missing, unreadable or does not fit its camera."""

    exit_code = 65


class ImageError(QcEdgeError):
    """An image file that a person named is no image, or cannot be read."""

    exit_code = 65


class ThresholdError(QcEdgeError):
    """A threshold record is damaged, or dated before one that exists."""

    exit_code = 65


class RecipeError(QcEdgeError):
    """A recipe or its changeover is damaged, not approved, or does not fit the station."""

    exit_code = 65


class RecordError(QcEdgeError):
    """What the log says was in force last is missing, was changed, or does not rule."""

    exit_code = 65


class UpdateError(QcEdgeError):
    """An update is not signed by whom the box trusts, is damaged, or has not proven good."""

    exit_code = 65


class AuditError(QcEdgeError):
    """What the station has kept does not hold together: something was altered or lost."""

    exit_code = 65


class CameraError(QcEdgeError):
    """A camera cannot be opened, configured or kept."""

    exit_code = 69


class CameraLostError(CameraError):
    """The camera was there and has gone: reopen it, with back-off."""


class EngineError(QcEdgeError):
    """The inference engine failed as a whole, not on one frame."""

    exit_code = 70


class EngineUnavailableError(EngineError):
    """This machine does not have what the engine needs; `auto` goes on to the next and says why."""


class EngineLostError(EngineError):
    """The device is gone or out of memory: only a new process can score the next frame."""


class WorkerStuckError(QcEdgeError):
    """A worker has not beaten within its own deadline."""

    exit_code = 70


class StoreError(QcEdgeError):
    """The spool, the evidence or the log cannot be read or written."""

    exit_code = 74


class DiskFullError(StoreError):
    """The disk has no room; the station holds and goes on by itself when there is some."""


class DiskReadOnlyError(DiskFullError):
    """The disk takes no writes; the station holds and goes on by itself when it does."""


class FileServerError(StoreError):
    """What serves the spool does not answer; the station says so and goes on when it does."""


class BusyError(QcEdgeError):
    """Another process runs this station already."""

    exit_code = 75


class UpstreamError(QcEdgeError):
    """Upstream does not answer, refuses, or has not kept what it was sent: the next night again."""

    exit_code = 75


class OutputError(QcEdgeError):
    """A verdict could not be handed to the line."""

    exit_code = 76


class RightsError(QcEdgeError):
    """This user may not read or write what the command needs."""

    exit_code = 77

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint or RIGHTS_HINT)


class SettingsError(QcEdgeError):
    """The settings file is wrong; all faults are reported together."""

    exit_code = 78
