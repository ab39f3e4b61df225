"""One process per station."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from qc_edge.errors import BusyError, StoreError
from qc_edge.service.lock import StationLock, holder_of


def test_who_holds_the_station_is_known_while_it_is_held(tmp_path: Path) -> None:
    path = (tmp_path / "line1/inspect.lock",)
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
    assert holder_of([tmp_path / "none.lock"]) is None


def test_a_place_without_room_for_a_lock_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match="cannot open the station's lock"),
        StationLock([tmp_path / "file/x.lock"]),
    ):
        pass


def test_a_lock_in_either_place_stops_a_second_process_and_names_the_first(tmp_path: Path) -> None:
    now, before = tmp_path / "state/line1/inspect.lock", tmp_path / "run/line1/inspect.lock"
    for held in (now, before):
        with StationLock([held]):
            with (
                pytest.raises(BusyError, match=f"'line1' is already run by process {os.getpid()}"),
                StationLock([now, before]),
            ):
                pass
            assert holder_of([now, before])
        with StationLock([now, before]):
            pass
        assert holder_of([now, before]) is None


def test_the_lock_outlives_the_runtime_directory(tmp_path: Path) -> None:
    now, before = tmp_path / "state/line1/inspect.lock", tmp_path / "run/line1/inspect.lock"
    with StationLock([now, before]):
        shutil.rmtree(before.parent)
        with pytest.raises(BusyError), StationLock([now, before]):
            pass
        assert holder_of([now, before])


def test_a_lock_is_no_way_to_empty_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("kept")
    (tmp_path / "inspect.lock").symlink_to(other)
    with pytest.raises(StoreError), StationLock([tmp_path / "inspect.lock"]):
        pass
    assert other.read_text() == "kept"
