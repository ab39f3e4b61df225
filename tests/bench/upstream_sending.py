"""How fast a day goes upstream, against a plain copy of the same bytes:
`python -m tests.bench.upstream_sending [FRAMES] [OUT.json]`

A sealed day of that many inspections with a raw frame each (1.3 megapixels, noise), to a directory
and to a real S3 server (seaweedfs) on this machine; once more with everything there; and restored.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from qc_edge.settings import StationPaths
from qc_edge.store.durable import write_file
from qc_edge.upstream.restore import Restore
from qc_edge.upstream.sync import Sync
from qc_edge.upstream.targets import Access, Target, connect
from qc_edge.vision import pnm
from qc_edge.vision.image import pixels_sha256
from tests.publish.rows import at, inspection, log
from tests.upstream.s3_server import s3_server
from tests.upstream.sealed import FIRST, NAME, SendingStation, nothing

HEIGHT, WIDTH = 1024, 1280


def station_with_frames(root: Path, frames: int) -> SendingStation:
    """A sealed day."""
    made = SendingStation(StationPaths(root, NAME), root / "upstream")
    made.upstream.mkdir(parents=True)
    made.configure(evidence=("raw",))
    made.paths.evidence.mkdir(parents=True)
    rng, told = np.random.default_rng(0), at("2026-11-23 00:06")
    with log(made.paths.state, told=told) as kept:
        rows = []
        for number in range(frames):
            frame = rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8)
            path = made.paths.evidence / f"{number}.raw.pgm"
            path.write_bytes(b"".join(bytes(part) for part in pnm.encode(None, frame, 8)))
            rows.append(
                inspection(
                    at("2026-11-22 12:00"),
                    raw_path=f"evidence/{path.name}",
                    raw_sha256=pixels_sha256(frame),
                )
            )
        kept.ledger.commit(rows, at("2026-11-22 12:00"))
        kept.publisher.publish()
        kept.publisher.seal(FIRST, told)
        kept.publisher.publish()
    return made


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return round(time.monotonic() - began, 2)


def measure(station: SendingStation, target: Target, root: Path) -> dict[str, float]:
    send = Sync(station.paths, station.settings, target, nothing).run
    size = sum(path.stat().st_size for path in station.paths.evidence.iterdir())
    first = seconds(send)
    again = seconds(Sync(station.paths, station.settings, target, nothing).run)
    new = StationPaths(root / "new", NAME)
    restored = seconds(Restore(new, target, nothing).run)
    shutil.rmtree(station.paths.upstream)
    shutil.rmtree(new.state)
    return {
        "sync_s": first,
        "sync_mb_s": round(size / 1e6 / first, 1),
        "nothing_due_s": again,
        "restore_s": restored,
    }


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        station = station_with_frames(root / "station", frames)

        def copy() -> None:
            for path in station.paths.evidence.iterdir():
                write_file(root / "copy" / path.name, path.read_bytes())

        results: dict[str, object] = {"frames": frames, "mb": round(frames * HEIGHT * WIDTH / 1e6)}
        results["copy_and_fsync_s"] = seconds(copy)
        results["file"] = measure(station, station.target, root / "file")
        with s3_server(root / "server") as server:
            target = connect(server.url, Access(server.credentials, server.endpoint, "us-east-1"))
            results["s3"] = measure(station, target, root / "s3")
    print(json.dumps(results, indent=1))
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
