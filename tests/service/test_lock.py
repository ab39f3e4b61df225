"""One process per station."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qc_edge.errors import BusyError, StoreError
from qc_edge.service.lock import StationLock, holder_of


def test_who_holds_the_station_is_known_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "line1/inspect.lock"
    with StationLock(path):
        holder = holder_of(path)
        assert holder
        assert holder["pid"] == os.getpid()
        with (
            pytest.raises(BusyError, match=f"already run by process {os.getpid()}"),
            StationLock(path),
        ):
            pass
    assert holder_of(path) is None
    with StationLock(path):
        pass


def test_no_lock_means_no_holder(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "none.lock") is None


def test_a_place_without_room_for_a_lock_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match="cannot open the station's lock"),
        StationLock(tmp_path / "file/x.lock"),
    ):
        pass
