"""Writes and removes files, links, owners and modes, and records each change; decides nothing."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.service.synced_file import replace_file, sync_directory
from qc_edge.setup.ownership import Handover, open_directory
from qc_edge.setup.system_files import EDITED, is_edited, is_installed_file


@dataclass(frozen=True, slots=True)
class FileChange:
    """One thing that was done, or in a dry run would be: `what` happened to `subject`, in words.

    `qc-edge install --json` prints these fields.
    """

    what: str
    subject: str


@dataclass(slots=True)
class FileInstaller:
    """Makes the changes of one installation and keeps the list of them, in order.

    With `dry` nothing is touched, but the same changes are recorded. All methods raise StoreError
    if the system refuses a change.
    """

    dry: bool = False
    changes: list[FileChange] = field(default_factory=list)

    @property
    def has_changed(self) -> bool:
        """True if a file or a link is not what it was before: systemd must be told."""
        return any(change.what in {"new", "updated", "removed"} for change in self.changes)

    def record(self, what: str, subject: object) -> None:
        """Add something that was done, or deliberately left, to the list of changes."""
        self.changes.append(FileChange(what, str(subject)))

    def write(self, path: Path, text: str, *, keep: bool = True) -> None:
        """Make `text` the content of the file `path`.

        What somebody edited by hand, or another program wrote, is kept beside it (see `EDITED`),
        if `keep`.
        """
        before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        if before == text:
            self.record("same", path)
            return
        if keep and before is not None and (is_edited(before) or not is_installed_file(before)):
            self._set_aside(path)
        self.record("new" if before is None else "updated", path)
        if not self.dry:
            with _store_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                # By rename: systemd and udev may read the directory at any moment. And synced: a
                # unit file of 0 bytes after a power cut would be a station that never starts.
                replace_file(path, text.encode(), mode=0o644)
                sync_directory(path.parent)

    def write_secret(self, path: Path, data: bytes) -> None:
        """Make `data` the content of the file `path`, which its owner alone may read."""
        before = path.read_bytes() if path.is_file() else None
        if before == data:
            self.record("same", path)
            return
        self.record("new" if before is None else "updated", path)
        if not self.dry:
            with _store_errors(path):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(path, data, mode=0o600)
                sync_directory(path.parent)

    def link(self, path: Path, target: Path) -> None:
        """Make `path` a symbolic link to `target`."""
        if path.is_symlink() and path.readlink() == target:
            self.record("same", path)
            return
        self.record("updated" if path.is_symlink() else "new", path)
        if not self.dry:
            with _store_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.symlink_to(target)
                sync_directory(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a link, and its directory if it is empty then and was made for it.

        That is a directory of our own units, or one of drop-ins for a slice. One file that was
        edited by hand is kept under another name.
        """
        if not path.is_symlink():
            if not path.exists():
                return
            if is_edited(path.read_text(encoding="utf-8", errors="replace")):
                self._set_aside(path)
        self.record("removed", path)
        if not self.dry:
            with _store_errors(path):
                path.unlink(missing_ok=True)
                name = path.parent.name
                made_here = "qc-edge" in name or name.endswith(".slice.d")
                if made_here and not any(path.parent.iterdir()):
                    path.parent.rmdir()

    def change_owner(self, top: Path, user: str) -> None:
        """Give `top` and everything below it to `user` and its group, closed to others.

        `sudo qc-edge init` has made them root's, and the service runs as a user of its own. What
        may not be the station's (a file with other names, a mount) is left, and recorded.
        """
        ids = _user_and_group_ids(user)
        if ids is None or ids[0] < 0:
            self.record("not given away", f"{top}: there is no user {user} yet")
            return
        handover = Handover(*ids, dry=self.dry)
        with _store_errors(top):
            handover.give(top)
        if handover.given:
            self.record("owner", f"{handover.given} files under {top} belong to {user} now")
        else:
            self.record("same", f"owner of {top}: {user}")
        for left in handover.left:
            self.record("left alone", f"{left.path}: {left.why}")

    def set_group(self, path: Path, group: str, mode: int) -> None:
        """Make `group` the group of `path`, and `mode` its permissions; its owner stays.

        `path` must lie in a directory of root's: a link is followed.
        """
        with _store_errors(path):
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._set_group(opened, path, group, mode)
            finally:
                os.close(opened)

    def set_directory_group(self, top: Path, below: str, group: str, mode: int) -> None:
        """The same for the directory `below` of a station's `top`, if no link leads there."""
        path = top / below
        with _store_errors(path):
            try:
                with open_directory(top, below) as opened:
                    self._set_group(opened, path, group, mode)
            except OSError as error:
                if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                    raise
                self.record("left alone", f"{path}: it is no directory of its own")

    def _set_group(self, opened: int, path: Path, group: str, mode: int) -> None:
        ids = _user_and_group_ids(group)
        if ids is None:
            self.record("not granted", f"{path}: there is no group {group} yet")
            return
        gid = ids[1]
        current = os.fstat(opened)
        if current.st_gid == gid and current.st_mode & 0o7777 == mode:
            self.record("same", f"{path}: {group} {mode:04o}")
            return
        self.record("granted", f"{path}: {group} {mode:04o}")
        if not self.dry:
            # In this order: the new mode is not meant for the old group.
            os.fchown(opened, -1, gid)
            os.fchmod(opened, mode)

    def run(self, *command: str) -> None:
        """Run a system tool; one that is missing or fails is recorded, and stops nothing.

        In a container or a chroot there may be no systemd or udev to talk to, and the files are in
        place all the same.
        """
        line = " ".join(command)
        if self.dry:
            self.record("would run", line)
            return
        try:
            completed = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            self.record("not run", f"{line}: {error.strerror}")
            return
        if completed.returncode:
            messages = completed.stderr.strip().splitlines()
            reason = messages[-1] if messages else f"exit code {completed.returncode}"
            self.record("failed", f"{line}: {reason}")
        else:
            self.record("ran", line)

    def _set_aside(self, path: Path) -> None:
        """Keep a file under a name that ends in `EDITED`, which systemd and udev do not read.

        It stays under its own name too, until that is replaced: after a power cut in between there
        is one, the old.
        """
        kept = path.with_name(path.name + EDITED)
        self.record("edited by hand, kept as", kept)
        if not self.dry:
            temporary = kept.with_name(f".{kept.name}.new")
            with _store_errors(kept):
                temporary.unlink(missing_ok=True)
                os.link(path, temporary)
                os.replace(temporary, kept)  # noqa: PTH105
                temporary.unlink(missing_ok=True)  # of one file the names are not replaced


def _user_and_group_ids(name: str) -> tuple[int, int] | None:
    """The ids of the user and the group called `name`.

    The user's is -1 if there is only a group; None without a group of that name.
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
def _store_errors(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a StoreError that says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot change {error.filename or path}: {error.strerror}",
            hint="run it as root (sudo), or lay it down elsewhere: --prefix DIR",
        ) from error
