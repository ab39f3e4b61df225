"""Scores of another model for parts of the past: a line a part, appended; work goes on where it
stopped.

`reference@2-1f0c9a1e2b3d.jsonl`: a line is whole or cut off, whatever ended the process that wrote
it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.history import StoredInput
from qc_edge.errors import StoreError


@dataclass(frozen=True, slots=True)
class RescoredPart:
    """One part as stored, and its score by the other model (0..1)."""

    part: StoredInput
    after: float

    def flips(self, threshold: float) -> bool:
        """True if the other model with `threshold` turns the stored verdict over."""
        return (self.after >= threshold) != (self.part.verdict == "FAIL")


def results_file(directory: Path, bundle: Bundle) -> Path:
    """Where this model's scores are kept."""
    return directory / f"{bundle.reference}-{bundle.sha256[:12]}.jsonl"


class ScoreFile:
    """Open for appending; `known` are those of this model and engine that stand already, by frame.

    Scores of the same model by another engine, or another version of it, are not taken for the
    same.
    """

    def __init__(self, file: Path, model_sha256: str, engine: str) -> None:
        """Raises StoreError if `file` cannot be written or holds something else."""
        self._key = {"model_sha256": model_sha256, "engine": engine}
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            content = file.read_bytes()
        except OSError as fault:
            raise StoreError(
                f"cannot keep scores in {file}: {fault.strerror}",
                hint="as the station's user, or --results FILE in a directory of yours",
            ) from None
        whole = content.rfind(b"\n") + 1
        try:
            self.known = dict(self._parse(line) for line in content[:whole].splitlines())
        except (ValueError, KeyError, TypeError) as fault:
            os.close(self._fd)
            raise StoreError(
                f"{file} does not hold scores of a replay: {fault}",
                hint="name another file with --results",
            ) from None
        self.known.pop("", None)
        os.truncate(self._fd, whole)

    def add(self, frame_id: str, score: float) -> None:
        """Append one; it survives the end of this process from here on. Raises StoreError."""
        line = json.dumps({"frame_id": frame_id, **self._key, "score": score}) + "\n"
        try:
            os.write(self._fd, line.encode())
        except OSError as fault:
            raise StoreError(
                f"cannot keep a score: {fault.strerror}", hint="free some room, then go on"
            ) from fault
        self.known[frame_id] = score

    def __enter__(self) -> ScoreFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def _parse(self, line: bytes) -> tuple[str, float]:
        """Frame and score of a line; ("", 0) for another model's or engine's."""
        values = json.loads(line)
        frame_id, score = str(values["frame_id"]), float(values["score"])
        same = {name: values[name] for name in self._key} == self._key
        return (frame_id, score) if same else ("", 0.0)
