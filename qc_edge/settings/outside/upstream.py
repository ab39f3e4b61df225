"""The section [upstream]: where sealed days go every night, what goes, and how fast."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator, model_validator

from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.settings.section import NAME_PATTERN, Section

SCHEMES = ("file", "s3", "gs", "az", "sftp")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class UpstreamSettings(Section):
    """Where qc-edge sync sends sealed days; credentials never stand here (docs/integrator.md)."""

    url: str = Field(
        default="",
        description="s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH, file:///PATH "
        "or sftp://USER@HOST:PORT/PATH; nothing is sent without it.",
    )
    endpoint: str = Field(
        default="",
        description="Of an S3 server other than Amazon's: https://s3.plant.example. http:// sends "
        "unencrypted.",
    )
    region: str = Field(default="", description="Of an S3 bucket.")
    host_keys: tuple[str, ...] = Field(
        default=(),
        description="Of an SFTP server: SHA256:..., as ssh-keygen -lf says. If empty, its key is "
        "expected in `known_hosts`; none is ever trusted at first sight.",
    )
    known_hosts: Path = Field(
        default=Path("/etc/ssh/ssh_known_hosts"),
        description="Keys of SFTP servers, as ssh-keyscan prints them.",
    )
    line: str | None = Field(
        default=None,
        pattern=NAME_PATTERN,
        description="The line that the station stands at, by which the tables upstream are "
        "divided; the station's own name if left out.",
    )
    same_disk: bool = Field(
        default=False,
        description="Let file:// lead to the disk of the station or of the system; else that is "
        "taken for a disk or server that is not mounted.",
    )
    evidence: tuple[EvidenceClass, ...] = Field(
        default=(), description="Which pictures go along: raw, prepared, map."
    )
    parallel: int = Field(default=4, ge=1, le=64, description="Files that go up at once.")
    hours: str = Field(
        default="",
        description="HH:MM-HH:MM in the station's time zone: outside of it `limit_outside_mb_s` "
        "holds. Any time if empty.",
    )
    limit_mb_s: float = Field(
        default=0.0, ge=0, description="At most this many megabytes a second; 0: no limit."
    )
    limit_outside_mb_s: float = Field(
        default=1.0, gt=0, description="At most this many outside of `hours`."
    )
    retry_min: float = Field(
        default=3.0,
        gt=0,
        le=120,
        description="A request is tried again for so long (min), at growing intervals that differ "
        "by chance; then the next night.",
    )

    @property
    def window(self) -> tuple[time, time] | None:
        """Begin and end of `hours`; None if there are none."""
        if _HOURS.fullmatch(self.hours) is None:
            return None
        begin, until = self.hours.split("-")
        return time.fromisoformat(begin), time.fromisoformat(until)

    @field_validator("url")
    @classmethod
    def _is_target(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        named = parts.username and parts.scheme != "sftp"
        if named or parts.password or parts.query or parts.fragment:
            raise ValueError("credentials and options do not stand in the url")
        if parts.scheme not in SCHEMES:
            raise ValueError(f"got {url!r}, expected s3://, gs://, az://, sftp:// or file://")
        if parts.scheme == "file" and (parts.netloc or len(parts.path) < 2):
            raise ValueError(f"got {url!r}, expected three slashes: file:///mnt/archive")
        if parts.scheme != "file" and not parts.netloc:
            raise ValueError(f"got {url!r}, expected {parts.scheme}://BUCKET/PATH")
        if parts.scheme == "sftp" and not (parts.username and parts.hostname and _port_fits(parts)):
            raise ValueError(f"got {url!r}, expected sftp://USER@HOST:PORT/PATH")
        return url.rstrip("/")

    @field_validator("endpoint")
    @classmethod
    def _is_endpoint(cls, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        if endpoint and (parts.scheme not in {"http", "https"} or not parts.netloc):
            raise ValueError(f"got {endpoint!r}, expected https://HOST")
        if parts.username or parts.password:
            raise ValueError("credentials do not stand in the settings")
        return endpoint

    @field_validator("host_keys")
    @classmethod
    def _are_fingerprints(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if _FINGERPRINT.fullmatch(key) is None:
                raise ValueError(f"got {key!r}, expected SHA256: and 43 characters")
        return keys

    @field_validator("evidence")
    @classmethod
    def _each_once(cls, classes: tuple[EvidenceClass, ...]) -> tuple[EvidenceClass, ...]:
        return tuple(each for each in EvidenceClass if each in classes)

    @model_validator(mode="after")
    def _hours_are_hours(self) -> UpstreamSettings:
        if self.hours and self.window is None:
            raise ValueError(f"hours: got {self.hours!r}, expected HH:MM-HH:MM, as 20:00-05:30")
        return self


def _port_fits(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
