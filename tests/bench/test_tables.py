"""The benchmark's tables are read in a terminal of 100 columns."""

from __future__ import annotations

from rich.console import Console

from tests.bench.station_parts import latency_tables

KEYS = ("p50_ms", "p99_ms", "p999_ms", "max_ms", "frames")
BARE = ("compute_p50_ms", "compute_paced_p50_ms", "disk_p50_ms", "disk_p999_ms")


def test_the_tables_of_latency_fit_a_terminal() -> None:
    console = Console(width=100)
    figures = {"1.3 MP": dict.fromkeys((*KEYS, *BARE), 12345.6)}
    for table in latency_tables(figures):
        assert console.measure(table).minimum <= 100
        assert console.measure(table).maximum <= 100, "no cell wraps"
