"""One archive for the vendor: how a station is and what it did lately; no secrets, no images unless asked."""

from qc_edge.support.archive import Packed, pack

__all__ = ["Packed", "pack"]
