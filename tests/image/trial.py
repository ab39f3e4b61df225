"""A box's life in qemu, step by step: first boot, an ordinary one, an update, one that is not good,
and power cuts. Each step keeps its figures in WORK/figures.json.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.image.boxes import make_release, make_stick
from tests.image.left_on_disk import look
from tests.image.machine import Box, MachineError

BOOT_S, READY_S = 1800.0, 1800.0
_STATUS = "/run/qc-edge/line1/status.json"
_IS_READY = f"grep -Eq '\"ready\": ?true' {_STATUS}"
_PARTS = 12
_PIECE = re.compile(r"\.(root|verity)\.")
_BLAME = "systemd-analyze blame --no-pager | head -15"
_CHAIN = "systemd-analyze critical-chain --no-pager | head -20"
_SEED_SAID = "journalctl -b -o cat -u qc-edge-seed -u qc-edge-health -u qc-edge-ssh-keys | tail -40"
_COUNT = "SELECT verdict, disposition, count(*) AS parts FROM inspections GROUP BY ALL ORDER BY ALL"
_LOST = (("4096", "0"), ("4096", "0.5"), ("512", "0.5"), ("4096", "prefix"), ("512", "0.9"))
_KERNEL = "mitigations=off"
"""Against what an emulated processor does not have; it only makes it slower."""


class Trial:
    """The steps on the disk in `work`, and what they showed."""

    def __init__(self, work: Path, say: Callable[[str], object]) -> None:
        self.work, self.say = work, say
        self.disk = work / "disk.raw"
        self._said = 0.0
        work.mkdir(parents=True, exist_ok=True)

    def first_boot(self, built: Path, grow_to: int = 12 << 30) -> None:
        """The raw on a larger disk, with its stick: until the station has inspected parts."""
        (raw,) = (path for path in built.glob("qc-edge_*.raw") if not _PIECE.search(path.name))
        subprocess.run(["cp", "--sparse=always", raw, self.disk], check=True)
        with self.disk.open("r+b") as file:
            file.truncate(grow_to)
        (self.work / "vars.fd").unlink(missing_ok=True)
        box = self._box(make_stick(self.work))
        box.switch_on()
        figures = self._boot(box)
        self.say(box.run(_SEED_SAID))
        figures |= self._inspect(box)
        figures["data partition"] = box.run("df -h --output=size,used /var | tail -1")
        figures["root"] = box.run("findmnt -no FSTYPE,SOURCE /")
        figures["seconds by unit"] = box.run(_BLAME).splitlines()
        figures["failed units"] = box.run("systemctl --failed --plain --no-legend")
        box.screen(self.work / "first-boot.png")
        box.switch_off()
        self._keep("first boot", figures)

    def ordinary_boot(self) -> None:
        """Without a stick: how long to READY, and the count after it."""
        box = self._box()
        box.switch_on()
        figures = self._boot(box) | self._inspect(box)
        figures["seconds by unit"] = box.run(_BLAME).splitlines()
        figures["chain"] = box.run(_CHAIN).splitlines()
        box.switch_off()
        self._keep("ordinary boot", figures)

    def update(self, built: Path, *, is_good: bool) -> None:
        """Stage and apply a release beside the running line, boot into it, and see how it ends."""
        what = "update" if is_good else "an update that is not good"
        box = self._box(make_release(self.work, built, what))
        box.switch_on()
        figures = self._boot(box)
        box.run("mkdir -p /run/release && mount -o ro /dev/disk/by-label/RELEASE /run/release")
        before = box.run("qc-edge update status")
        for verb in ("check", "stage", "apply"):
            begun = box.on_s
            code, said = box.ask(f"qc-edge update {verb}")
            figures[f"{verb} s"], figures[verb] = round(box.on_s - begun), said
            self.say(f"{verb}: {code} {said}")
            if code:
                raise MachineError(f"update {verb} ended with {code}: {said}")
        figures["told while it was staged"] = len(box.told)
        begun, boots = box.on_s, box.boots
        box.send("systemctl reboot")
        box.until(lambda: box.boots > boots, BOOT_S, "it does not come up again")
        if not is_good:
            ended = "grep -Eq 'fell_back|good\"' /var/lib/qc-edge-box/update-state.json"
            self._until_on_the_box(box, ended, 4 * BOOT_S, "it does not fall back")
            box.screen(self.work / "fell-back.png")
        figures |= {"boots": box.boots - boots, "to the end s": round(box.on_s - begun)}
        self._until_on_the_box(box, _IS_READY, READY_S, "no READY")
        self._until_on_the_box(
            box, "systemctl is-active -q boot-complete.target", READY_S, "not blessed"
        )
        figures["to READY s"] = round(box.on_s - begun)
        figures["status before"] = before
        figures["status"] = box.run("qc-edge update status")
        figures["boot entries"] = box.run("ls /boot/EFI/Linux /efi/EFI/Linux 2>/dev/null")
        figures["journal"] = box.run(
            "journalctl -o cat -u qc-edge-health --since -3h | grep qc-edge: | tail -20"
        )
        figures["slots"] = box.run("lsblk -no PARTLABEL,SIZE /dev/vda")
        asked = "SELECT before, after, detail FROM events WHERE kind = 'software_fell_back'"
        figures["event"] = box.ask(f'qc-edge sql line1 "{asked}"')[1]
        figures["verify"] = box.ask("qc-edge verify line1")[1][-400:]
        if is_good:
            box.screen(self.work / "updated.png")
        box.switch_off()
        self._keep(what, figures)

    def cuts(self, count: int, seed: int) -> None:
        """Power cuts at random moments: while it boots, or inspects; then the disk is looked at."""
        drawn = random.Random(seed)
        told: dict[str, tuple[str, str]] = {}
        for number in range(count):
            unit, keep = _LOST[number % len(_LOST)]
            box = self._box()
            box.switch_on((seed * 1000 + number, int(unit), keep))
            while_booting = number % 4 == 3
            cut: dict[str, Any] = {"unit": unit, "kept": keep, "while": "boots"}
            if while_booting:
                self._pause(box, drawn.uniform(5, 150))
            else:
                cut |= self._boot(box, short=True) | {"while": "inspects"}
                self._pause(box, drawn.uniform(1, 20))
            cut["cut"] = box.cut()
            told |= box.told
            left = look(self.disk, self.work, told)
            cut |= {"told": len(box.told), **asdict(left)}
            if left.faults:
                shutil.copyfile(self.disk, self.work / f"fault-{number}.raw")
            self.say(json.dumps(cut))
            self._keep("cuts", [*self.figures().get("cuts", []), cut])

    def figures(self) -> dict[str, Any]:
        """What was kept so far."""
        path = self.work / "figures.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _box(self, *drives: Path) -> Box:
        self._said = 0.0
        return Box(self.work, self.disk, *drives, kernel=_KERNEL)

    def _boot(self, box: Box, *, short: bool = False) -> dict[str, Any]:
        """Until READY; the seconds of the way there."""
        box.until(lambda: box.boots > 0, BOOT_S, "no shell")
        figures: dict[str, Any] = {"to the shell s": round(box.on_s)}
        figures["to the shell, processor s"] = round(box.processor_s)
        self.say(f"a shell after {box.on_s:.0f} s, {box.processor_s:.0f} s of processor")
        self._until_on_the_box(box, _IS_READY, READY_S, "no READY")
        figures |= {"to READY s": round(box.on_s), "to READY, processor s": round(box.processor_s)}
        self.say(f"READY after {box.on_s:.0f} s, {box.processor_s:.0f} s of processor")
        if not short:
            figures["systemd"] = box.ask("systemd-analyze time | head -1")[1]
            self.say(figures["systemd"])
        return figures

    def _inspect(self, box: Box) -> dict[str, Any]:
        """Until parts have been told: status, verify, the count."""
        box.until(lambda: len(box.told) >= _PARTS, 900, f"not {_PARTS} parts")
        figures = {
            "status": box.ask("qc-edge status line1")[1],
            "parts": box.ask(f'qc-edge sql line1 "{_COUNT}"')[1],
            "verify": box.ask("qc-edge verify line1")[1],
        }
        for name, text in figures.items():
            self.say(f"{name}:\n{text}")
        return figures

    def _until_on_the_box(self, box: Box, command: str, limit_s: float, words: str) -> None:
        """Until a shell command there ends with 0; the box may boot meanwhile."""
        end = box.on_s + limit_s
        while True:
            before = box.boots
            try:
                if box.ask(command, 60)[0] == 0:
                    return
            except MachineError:
                self._until_it_comes_up(box, before, end - box.on_s, words)
            if box.on_s > end:
                raise MachineError(f"{words} in {limit_s:.0f} s")
            self._say_how_far(box)
            self._pause(box, 2)

    def _say_how_far(self, box: Box) -> None:
        """What a watcher wants to see of a slow machine, twice a minute."""
        if box.on_s - self._said > 30:
            self._said = box.on_s
            last = box.ask("systemctl list-jobs --no-legend | head -5; journalctl -b -n 3 -o cat")[
                1
            ]
            self.say(f"{box.on_s:.0f} s, {box.processor_s:.0f} s of processor: {last}")

    def _until_it_comes_up(self, box: Box, before: int, limit_s: float, words: str) -> None:
        box.until(lambda: box.boots > before, limit_s, words)

    def _pause(self, box: Box, seconds: float) -> None:
        end = box.on_s + seconds
        box.until(lambda: box.on_s >= end, seconds + 60, "it ended")

    def _keep(self, name: str, figures: object) -> None:
        path = self.work / "figures.json"
        path.write_text(json.dumps(self.figures() | {name: figures}, indent=1) + "\n")
