"""A station that has run for a moment, with labels, gaps and events; copied for each test."""

from __future__ import annotations

from tests.audit.conftest import paths, station_at_rest

__all__ = ["paths", "station_at_rest"]
