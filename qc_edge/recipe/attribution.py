"""Who answers for a change and why, as a command takes it."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.errors import UsageError


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who answers for a change, and why: one line of text each."""

    by: str
    reason: str

    @classmethod
    def parse(cls, by: str | None, reason: str | None) -> Attribution:
        """From the options of a command. Raises UsageError that says what is missing."""
        texts = {"--by": (by or "").strip(), "--reason": (reason or "").strip()}
        for option, text in texts.items():
            if not text or not text.isprintable():
                raise UsageError(
                    f"{option} is {'missing' if not text else 'no single line of text'}",
                    hint="a change is on record with who and why: --by WHO --reason TEXT",
                )
        return cls(texts["--by"], texts["--reason"])
