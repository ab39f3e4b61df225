"""Events: a row for every change and every trouble, their kinds, and the log that they are written
to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar, Protocol

from qc_edge.domain.frame import FrameId


class EventKind(str, Enum):
    """What an event tells. The codes are stable; docs/reference/events.md says what each means."""

    STARTED = "started"
    STOPPED = "stopped"
    # what verdicts depend on
    IN_FORCE = "in_force"
    SOFTWARE = "software"
    SOFTWARE_FELL_BACK = "software_fell_back"
    BOX_RESET = "box_reset"
    MODEL = "model"
    ACTIVATION_REFUSED = "activation_refused"
    SCORES_COMPARED = "scores_compared"
    SCORES_MOVED = "scores_moved"
    SCORES_ACCEPTED = "scores_accepted"
    ENGINE = "engine"
    CALIBRATION = "calibration"
    CALIBRATION_REFUSED = "calibration_refused"
    THRESHOLD = "threshold"
    THRESHOLD_REFUSED = "threshold_refused"
    RECIPE = "recipe"
    RECIPE_REFUSED = "recipe_refused"
    SETTINGS = "settings"
    SETTINGS_REFUSED = "settings_refused"
    # the second bundle that scores along
    SHADOW_STARTED = "shadow_started"
    SHADOW_FAILED = "shadow_failed"
    SHADOW_DROPPED = "shadow_dropped"
    # cameras
    CAMERA_OPENED = "camera_opened"
    CAMERA_MISSING = "camera_missing"
    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    CAMERA_SILENT = "camera_silent"
    CAMERA_DELIVERS = "camera_delivers"
    # what persons say of parts
    LABEL_REFUSED = "label_refused"
    HOLD_REFUSED = "hold_refused"
    # challenge parts
    CHALLENGE_PART = "challenge_part"
    CHALLENGE_DUE = "challenge_due"
    CHALLENGE_PASSED = "challenge_passed"
    CHALLENGE_MISSED = "challenge_missed"
    CHALLENGE_FAILED = "challenge_failed"
    CHALLENGE_OVERRIDDEN = "challenge_overridden"
    CHALLENGE_NOT_COUNTED = "challenge_not_counted"
    CHALLENGE_REFUSED = "challenge_refused"
    # frames of other nodes
    SIDECAR_SET_ASIDE = "sidecar_set_aside"
    # the machine
    CLOCK = "clock"
    DISK_LOW = "disk_low"
    DISK_NONE = "disk_none"
    DISK_ENOUGH = "disk_enough"
    LOG_MENDED = "log_mended"
    SPOOL_LOST = "spool_lost"
    SPOOL_BACK = "spool_back"
    # dropped files
    FILE_BLOCKED = "file_blocked"
    FILES_UNBLOCKED = "files_unblocked"
    INCOMING_LOST = "incoming_lost"
    INCOMING_BACK = "incoming_back"
    WATCH_LOST = "watch_lost"
    WATCH_BACK = "watch_back"
    ROW_UNREADABLE = "row_unreadable"
    # parts that several views see
    VIEWS_DISAGREE = "views_disagree"
    LATE_VIEW = "late_view"
    # what the line was told
    LATE_ANNOUNCEMENT = "late_announcement"
    ANNOUNCEMENT_FAILED = "announcement_failed"
    ANNOUNCEMENT_UNKNOWN = "announcement_unknown"
    OUTPUT_LOST = "output_lost"
    OUTPUT_BACK = "output_back"
    LINE_SILENT = "line_silent"
    LINE_BACK = "line_back"
    LINE_RESET = "line_reset"
    RESULT_UNACKNOWLEDGED = "result_unacknowledged"
    EJECTION_UNCONFIRMED = "ejection_unconfirmed"
    REJECT_PASSED = "reject_passed"
    TRIGGER_REFUSED = "trigger_refused"
    TRIGGERS_MISSED = "triggers_missed"
    TOLD_LOST = "told_lost"
    LINE_COUNTED = "line_counted"
    LINE_COUNT_DIFFERS = "line_count_differs"
    # the published log
    PUBLISHED_MENDED = "published_mended"
    PUBLISHED_AHEAD = "published_ahead"
    SEALED = "sealed"
    SEAL_DIFFERS = "seal_differs"
    SYNCED = "synced"
    RESTORED = "restored"
    # the station as measuring equipment
    MSA_STUDY = "msa_study"
    CAMERA_DRIFT = "camera_drift"
    PROCESS_DRIFT = "process_drift"
    SCORES_DRIFT = "scores_drift"
    HELD_DRIFT = "held_drift"
    BEYOND_LEARNT = "beyond_learnt"
    # people at the station's page
    PAGE_LOGIN = "page_login"
    PAGE_LOGIN_REFUSED = "page_login_refused"
    PAGE_LOGOUT = "page_logout"
    PAGE_USER = "page_user"
    PAGE_TOKEN = "page_token"  # noqa: S105
    PAGE_TOKEN_REFUSED = "page_token_refused"  # noqa: S105

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What happened, before the log gives it an id and a time.

    `detail` says it in words. Of a change, `before` and `after` are the values; `who` is a person
    where one gave a name, else the part of the station that noticed; `why` is that person's reason.
    `record` is the file that the event puts in force, relative to the station's state directory,
    and `record_sha256` the digest of its bytes.
    """

    kind: EventKind
    detail: str
    before: str | None = None
    after: str | None = None
    who: str = "station"
    why: str | None = None
    record: str | None = None
    record_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """The row of an occurrence. `kind` is plain text: a log may hold kinds of another version."""

    TABLE: ClassVar[str] = "events"

    event_id: FrameId
    recorded_at: datetime
    station: str
    kind: str
    who: str
    detail: str
    before: str | None
    after: str | None
    why: str | None = None
    record: str | None = None
    record_sha256: str | None = None


class EventLog(Protocol):
    """Where events are written; from any thread. `qc_edge.store.log.event_log` fulfils it."""

    def record(self, occurrences: Sequence[Occurrence]) -> None:
        """Write the events of a change, in order; on return they are durable.

        For changes: only afterwards may they be in force. Raises DiskFullError or StoreError; then
        none of the events stands, and the state before stays in force.
        """

    def report(self, occurrence: Occurrence) -> None:
        """Write a trouble or a piece of news; never raises.

        What the disk refuses is said and kept in memory, to be written with whatever is next.
        """
