"""A factory reset: what goes and stays is said first, and one that is cut off anywhere is ended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qc_edge.errors import StoreError, UsageError
from qc_edge.records import notices
from qc_edge.settings import StationPaths
from qc_edge.setup.reset import carrying_out, plan
from qc_edge.setup.reset.carrying_out import reset
from qc_edge.setup.reset.plan import CHANGES, MARK, RETIRED, plan_reset
from tests.cli.runner import invoke

SETTINGS = (
    "etc/qc-edge/line1.toml",
    "etc/qc-edge/common.d/10-template.toml",
    "etc/qc-edge/box/update.toml",
    "etc/credstore/upstream",
    "etc/systemd/network/50-qc-edge-en0.network",
    "etc/systemd/system/qc-edge@line1.service.d/50-network.conf",
    "etc/systemd/system/qc-edge.target.wants/qc-edge@line1.service",
    "etc/ssh/authorized_keys.d/root",
)
RECORDS = (
    "var/lib/qc-edge/line1/traceability.duckdb",
    "var/lib/qc-edge/line1/evidence/raw/a.raw",
    "var/lib/qc-edge/line1/spool/frames/b.frame",
    "var/lib/qc-edge/line1/labels/c.json",
)
OF_THE_BOX = (
    "var/lib/qc-edge-box/staged/2/update.json",
    "var/lib/qc-edge-box/seed.new/credstore/upstream",
    "var/lib/qc-edge-box/seed.done/credstore/upstream",
)
USERS = "var/lib/qc-edge/line1/page/users.json"
STAYS = (
    "etc/hostname",
    "etc/systemd/system/qc-edge@.service",
    "etc/systemd/network/80-plant.network",
    "opt/qc-edge/current/bin/qc-edge",
)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box with the package and a station."""
    root = tmp_path / "box"
    for place in (*SETTINGS, *RECORDS, USERS, *STAYS, *OF_THE_BOX):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("qc-17\n")
    return root


@pytest.fixture
def image_box(box: Path) -> Path:
    """One with two slots: what was changed under /etc is on the data partition."""
    (box / "usr/lib").mkdir(parents=True)
    (box / "usr/lib/os-release").write_text("IMAGE_ID=qc-edge\nIMAGE_VERSION=2\n")
    (box / CHANGES / "qc-edge").mkdir(parents=True)
    (box / CHANGES / "machine-id").write_text("of before")
    return box


def files(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and "/notices/" not in str(path)
    }


def done(root: Path, *, keep: bool) -> bool:
    return reset(root, plan_reset(root, keep_evidence=keep), "anna", lambda _: None)


def test_everything_that_was_set_up_goes_and_the_software_stays(box: Path) -> None:
    told = plan_reset(box, keep_evidence=False)
    assert {str(part.path.relative_to(box)) for part in told.goes} >= {
        "etc/qc-edge/line1.toml",
        "etc/credstore/upstream",
        "var/lib/qc-edge/line1",
    }
    assert told.lost == ("line1: nothing of its log was ever sealed or sent upstream",)
    assert done(box, keep=False)
    assert files(box) == set(STAYS)
    assert plan_reset(box, keep_evidence=False).goes == ()


def test_evidence_that_is_kept_stays_whole_and_its_log_will_tell(box: Path) -> None:
    told = plan_reset(box, keep_evidence=True)
    assert told.lost == ()
    assert box / "var/lib/qc-edge/line1" in {part.path for part in told.stays}
    assert done(box, keep=True)
    assert files(box) == {*STAYS, *RECORDS}
    waiting = StationPaths(box, "line1").notices
    (notice,) = (notices.load(waiting, name) for name in notices.names(waiting))
    assert (notice.occurrence.kind, notice.occurrence.who) == ("box_reset", "anna")


@pytest.mark.parametrize("keep", [True, False])
def test_one_that_was_cut_off_anywhere_is_ended_by_the_next(
    box: Path, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, steps = 0, 0
    remove = carrying_out._remove

    def dies(path: Path, mounts: frozenset[Path]) -> list[Path]:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return remove(path, mounts)

    monkeypatch.setattr(carrying_out, "_remove", dies)
    while True:
        left, steps = 1, steps + 1
        try:
            assert done(box, keep=keep)
            break
        except KeyboardInterrupt:
            assert (box / MARK).is_file()
    assert steps > 5
    assert files(box) == ({*STAYS, *RECORDS} if keep else set(STAYS))


def test_one_that_was_cut_off_before_the_logs_were_told_tells_them_and_tells_them_once(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, remove = carrying_out._tell_logs, carrying_out._remove

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    for name, whole in (("_tell_logs", tell), ("_remove", remove)):
        monkeypatch.setattr(carrying_out, name, dies)
        with pytest.raises(KeyboardInterrupt):
            done(box, keep=True)
        monkeypatch.setattr(carrying_out, name, whole)
    assert done(box, keep=True)
    assert len(list(notices.names(StationPaths(box, "line1").notices))) == 1


def test_a_box_with_two_slots_gets_an_empty_etc_in_one_step_and_ends_it_at_the_next_boot(
    image_box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "boot_id", lambda: "first")
    monkeypatch.setattr(carrying_out, "boot_id", lambda: "first")
    assert not done(image_box, keep=False)
    assert list((image_box / CHANGES).iterdir()) == []
    assert (image_box / RETIRED / "machine-id").read_text() == "of before"
    assert not (image_box / "var/lib/qc-edge/line1").exists()
    assert not done(image_box, keep=False), "again in the same boot changes nothing"
    assert (image_box / RETIRED / "machine-id").exists(), "it is mounted still"
    (image_box / CHANGES / "machine-id").write_text("of the next boot")
    monkeypatch.setattr(plan, "boot_id", lambda: "second")
    monkeypatch.setattr(carrying_out, "boot_id", lambda: "second")
    assert done(image_box, keep=False)
    assert (image_box / CHANGES / "machine-id").read_text() == "of the next boot"
    assert not (image_box / RETIRED).exists()
    assert not (image_box / MARK).exists()


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_power_cut_around_the_exchange_of_etc_neither_skips_nor_undoes_it(
    image_box: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange: Callable[[Path], None] = carrying_out._retire

    def cut(root: Path) -> None:
        if when == "behind":
            exchange(root)
        raise KeyboardInterrupt

    monkeypatch.setattr(carrying_out, "_retire", cut)
    with pytest.raises(KeyboardInterrupt):
        done(image_box, keep=False)
    monkeypatch.setattr(carrying_out, "_retire", exchange)
    for module in (plan, carrying_out):
        monkeypatch.setattr(module, "boot_id", lambda: "next")
    ended = done(image_box, keep=False)
    assert not (image_box / CHANGES / "machine-id").exists()
    assert ended == (when == "behind"), "what is mounted is not taken away"


def test_what_another_machine_serves_is_left_alone(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = box / "var/lib/qc-edge/line1/spool"
    monkeypatch.setattr(carrying_out, "_mounts", lambda: frozenset({spool}))
    said: list[object] = []
    reset(box, plan_reset(box, keep_evidence=False), "anna", said.append)
    assert files(box) == {*STAYS, "var/lib/qc-edge/line1/spool/frames/b.frame"}
    assert [str(words) for words in said if "left alone" in str(words)]


def test_a_disk_that_refuses_is_said_with_what_to_do(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(StoreError, match=r"cannot remove .*: Operation not permitted") as caught:
        done(box, keep=False)
    assert "goes on where it was" in caught.value.hint


def test_the_command_shows_the_plan_and_wants_the_name_of_the_box(box: Path) -> None:
    before = files(box)
    shown = invoke("factory-reset", "--root", box, "--dry-run", "--json")
    assert json.loads(shown.stdout)["keep_evidence"] is False
    refused = invoke("factory-reset", "--root", box, "--confirm", "qc-18")
    assert isinstance(refused.exception, UsageError)
    assert "the box's name was not confirmed" in refused.exception.message
    assert files(box) == before
    ended = invoke("factory-reset", "--root", box, "--keep-evidence", "--confirm", "qc-17")
    assert "as it was before it was set up" in ended.stdout
    assert files(box) == {*STAYS, *RECORDS}
    assert invoke("factory-reset", "--root", box, "--resume").stdout == "no reset was begun\n"
