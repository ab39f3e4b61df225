"""Where a station can be killed: the steps of its twins between any two hops of a frame."""

from __future__ import annotations

INSPECTION = [
    "write before in evidence",
    "write half in evidence",
    "write after in evidence",
    "link before",
    "link after",
    "file sync before in evidence",
    "file sync after in evidence",
    "sync before",
    "sync after",
    "append before",
    "append half",
    "append after",
    "announce before",
    "announce after",
    "unlink before",
    "unlink after",
    "infer before",
]
CAPTURE = [
    "write before in spool",
    "write half in spool",
    "write after in spool",
    "rename after in spool",
    "written after in spool",
]
REFUSAL = [
    "write before in quarantine",
    "write after in quarantine",
    "link after in quarantine",
]
SIDECAR = ["unlink before in .sidecar"]
EVERYWHERE = [*INSPECTION, *CAPTURE, *REFUSAL, *SIDECAR]
