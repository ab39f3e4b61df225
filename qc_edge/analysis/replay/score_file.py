"""The scores that another model gave to parts of the past, kept so that a replay can go on.

One line of JSON for each part, in a file such as `reference@2-1f0c9a1e2b3d.jsonl`. The file is only
appended to: a process that ends at any moment leaves whole lines and at most one that is cut off.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType

from qc_edge.bundles.bundle import Bundle
from qc_edge.errors import StoreError


def score_file_path(directory: Path, bundle: Bundle) -> Path:
    """Where the scores of `bundle` are kept. Part of the digest is in the name, so that another
    model under the same NAME@VERSION has a file of its own.
    """
    return directory / f"{bundle.reference}-{bundle.sha256[:12]}.jsonl"


class ScoreFile:
    """A file of scores, open for appending. A context manager; one thread.

    `scores` has those of the same model on the same engine, by frame id. Lines of another model or
    engine stay in the file and are not used: the same weights give slightly different scores on
    another engine, or on another version of it.
    """

    def __init__(self, path: Path, model_sha256: str, engine: str) -> None:
        """Raises StoreError if `path` cannot be written or holds something else."""
        self._key = {"model_sha256": model_sha256, "engine": engine}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Appending: two replays of one model at once cannot write into each other's lines.
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, 0o640)
            content = path.read_bytes()
        except OSError as fault:
            raise StoreError(
                f"cannot keep scores in {path}: {fault.strerror}",
                hint="as the station's user, or --results FILE in a directory of yours",
            ) from None
        whole = content.rfind(b"\n") + 1
        try:
            lines = [json.loads(line) for line in content[:whole].splitlines()]
            self.scores = {
                str(line["frame_id"]): float(line["score"])
                for line in lines
                if {name: line[name] for name in self._key} == self._key
            }
        except (ValueError, KeyError, TypeError) as fault:
            os.close(self._descriptor)
            raise StoreError(
                f"{path} does not hold scores of a replay: {fault}",
                hint="name another file with --results",
            ) from None
        # The rest of a line that was cut off goes, else the next score would be glued to it. Only
        # now: until the lines above have been read, this may be somebody's file of another kind.
        os.truncate(self._descriptor, whole)

    def add(self, frame_id: str, score: float) -> None:
        """Append one score (0..1). Raises StoreError.

        A kill of this process cannot lose it. A power cut may, as it is not synced: then that part
        is scored once more.
        """
        line = json.dumps({"frame_id": frame_id, **self._key, "score": score}) + "\n"
        try:
            # One write for the whole line, past Python's buffers.
            os.write(self._descriptor, line.encode())
        except OSError as fault:
            raise StoreError(
                f"cannot keep a score: {fault.strerror}", hint="free some room, then go on"
            ) from fault
        self.scores[frame_id] = score

    def __enter__(self) -> ScoreFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
