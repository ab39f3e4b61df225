"""Puts files, links and owners in place, or takes them away, and remembers what it did; decides
nothing.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.setup.system_files import EDITED, is_edited, is_ours


@dataclass(frozen=True, slots=True)
class FileChange:
    """One thing that was done (or, in a dry run, would be): `what` was done to `subject`."""

    what: str
    subject: str


@dataclass(slots=True)
class FileInstaller:
    """All changes of one installation, in order. With `dry` nothing is touched. Raises
    StoreError.
    """

    dry: bool = False
    changes: list[FileChange] = field(default_factory=list)

    @property
    def has_changed(self) -> bool:
        """A file or a link is other than it was."""
        return any(change.what in {"new", "updated", "removed"} for change in self.changes)

    def say(self, what: str, subject: object) -> None:
        """Remember something that has been done, or left."""
        self.changes.append(FileChange(what, str(subject)))

    def write(self, path: Path, text: str) -> None:
        """Make the file `path` be `text`; one that was edited by hand is kept beside it."""
        before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        if before == text:
            self.say("same", path)
            return
        if before is not None and (is_edited(before) or not is_ours(before)):
            self._set_aside(path)
        self.say("new" if before is None else "updated", path)
        if not self.dry:
            with _explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = path.with_name(f".{path.name}.new")
                temporary.write_text(text, encoding="utf-8")
                temporary.chmod(0o644)
                temporary.replace(path)

    def link(self, path: Path, target: Path) -> None:
        """Make `path` a symbolic link to `target`."""
        if path.is_symlink() and path.readlink() == target:
            self.say("same", path)
            return
        self.say("updated" if path.is_symlink() else "new", path)
        if not self.dry:
            with _explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.symlink_to(target)

    def remove(self, path: Path) -> None:
        """Take a file or link away, and its directory if that is empty then and ours, or a
        slice's.
        """
        if not path.is_symlink():
            if not path.exists():
                return
            if is_edited(path.read_text(encoding="utf-8", errors="replace")):
                self._set_aside(path)
        self.say("removed", path)
        if not self.dry:
            with _explained(path):
                path.unlink(missing_ok=True)
                ours = "qc-edge" in path.parent.name or path.parent.name.endswith(".slice.d")
                if ours and not any(path.parent.iterdir()):
                    path.parent.rmdir()

    def own(self, top: Path, user: str) -> None:
        """Give `top` and everything below it to `user` and the group of that name, closed to
        others.
        """
        found = _ids(user)
        if found is None:
            self.say("not given away", f"{top}: there is no user {user} yet")
            return
        uid, gid = found
        below = (
            Path(folder) / name for folder, dirs, files in os.walk(top) for name in [*dirs, *files]
        )
        foreign = [path for path in (top, *below) if path.lstat().st_uid != uid]
        if not foreign:
            self.say("same", f"owner of {top}: {user}")
            return
        self.say("owner", f"{len(foreign)} files under {top} belong to {user} now")
        if not self.dry:
            with _explained(top):
                for path in foreign:
                    os.chown(path, uid, gid, follow_symlinks=False)
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode & 0o7770)

    def grant(self, path: Path, group: str, mode: int) -> None:
        """Make `group` the group of `path`, and `mode` its permissions."""
        found = _ids(group)
        if found is None:
            self.say("not granted", f"{path}: there is no group {group} yet")
            return
        gid = found[1]
        now = path.stat()
        if now.st_gid == gid and now.st_mode & 0o7777 == mode:
            self.say("same", f"{path}: {group} {mode:04o}")
            return
        self.say("granted", f"{path}: {group} {mode:04o}")
        if not self.dry:
            with _explained(path):
                os.chown(path, -1, gid)
                path.chmod(mode)

    def run(self, *command: str) -> None:
        """Run a system tool; one that is missing or fails is said, and stops nothing."""
        words = " ".join(command)
        if self.dry:
            self.say("would run", words)
            return
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as fault:
            self.say("not run", f"{words}: {fault.strerror}")
            return
        failed = ran.stderr.strip().splitlines()
        if ran.returncode:
            self.say(
                "failed", f"{words}: {failed[-1] if failed else f'exit code {ran.returncode}'}"
            )
        else:
            self.say("ran", words)

    def _set_aside(self, path: Path) -> None:
        kept = path.with_name(path.name + EDITED)
        self.say("edited by hand, kept as", kept)
        if not self.dry:
            with _explained(kept):
                os.replace(path, kept)  # noqa: PTH105


def _ids(name: str) -> tuple[int, int] | None:
    """The ids of the user (-1 if there is only a group) and the group `name`; None if there is
    neither.
    """
    try:
        gid = grp.getgrnam(name).gr_gid
    except KeyError:
        return None
    try:
        return pwd.getpwnam(name).pw_uid, gid
    except KeyError:
        return -1, gid


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise StoreError(
            f"cannot change {fault.filename or path}: {fault.strerror}",
            hint="run it as root (sudo), or lay it down elsewhere: --prefix DIR",
        ) from fault
