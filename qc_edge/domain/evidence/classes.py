"""The classes of evidence: what is kept behind an inspection, and how its row names it."""

from __future__ import annotations

from enum import Enum


class EvidenceClass(str, Enum):
    """One kind of picture behind an inspection."""

    RAW = "raw"
    PREPARED = "prepared"
    MAP = "map"

    __str__ = str.__str__

    @property
    def path_column(self) -> str:
        """The column of inspections with the file's path, relative to the station's state."""
        return f"{self.value}_path"

    @property
    def digest_column(self) -> str:
        """The column of inspections with the sha256 (hex) of the picture's pixels."""
        return f"{self.value}_sha256"
