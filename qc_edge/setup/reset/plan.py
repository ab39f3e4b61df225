"""What a factory reset takes away and what it leaves, found on the box: nothing is changed here.

The plan of what is there is the plan of what is left to do: a reset that was cut off is done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.publish.seal import sealed_days
from qc_edge.records.receipts import read_receipt
from qc_edge.service.clock import boot_id
from qc_edge.settings import StationPaths
from qc_edge.setup.provision.box_files import KEYS_FILE, SSH_FILE, TIME_FILE
from qc_edge.setup.update.box_state import BOX, STAGED
from qc_edge.setup.update.boxes import image_version

MARK = BOX / "reset-begun.json"
"""There while a reset is under way: what was asked for, and in which boot."""

CHANGES = BOX / "etc"
"""On a box with two slots: all that was changed under /etc (fstab in systemd/image/mkosi.extra)."""

RETIRED = BOX / "etc-before-reset"
"""That, out of the way, until the next boot: it is mounted until then."""

_UNITS = "etc/systemd/system"


@dataclass(frozen=True, slots=True)
class FoundPath:
    """A file or directory, and what it is, in words."""

    path: Path
    what: str


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """What goes, in this order; what stays, and why; what is lost for good, in words.

    `retires` is the directory of changes under /etc that gives way to an empty one at a boot.
    """

    keep_evidence: bool
    goes: tuple[FoundPath, ...]
    stays: tuple[FoundPath, ...]
    lost: tuple[str, ...]
    retires: bool = False


@dataclass(frozen=True, slots=True)
class BegunReset:
    """A reset that was cut off, or that waits for a boot: since which one, whether the changes
    under /etc have given way already, and whether the logs that are kept were told.
    """

    keep_evidence: bool
    boot: str
    retired: bool = False
    told: bool = False


def plan_reset(root: Path, *, keep_evidence: bool) -> ResetPlan:
    """The plan for the box under `root`. Raises StoreError if it cannot be looked at."""
    is_image = image_version(root) is not None
    begun = read_begun(root)
    given_way = is_retired(root, begun)
    may_clear = begun is not None and begun.boot != boot_id() and given_way
    settings = () if is_image else tuple(_settings(root))
    retired = [FoundPath(root / RETIRED, "what was changed under /etc before")] if may_clear else []
    goes = (
        *settings,
        *_states(root, keep_evidence=keep_evidence),
        *_there(
            FoundPath(root / STAGED, "a staged update"),
            FoundPath(root / BOX / "update-state.json", "how the last update ended"),
            *(
                FoundPath(root / BOX / name, "a seed that waits, with its secrets")
                for name in ("seed", "seed.new", "seed.done")
            ),
            *retired,
        ),
    )
    return ResetPlan(
        keep_evidence,
        goes,
        tuple(_there(*_kept(root, is_image=is_image, keep_evidence=keep_evidence))),
        () if keep_evidence else tuple(_losses(root)),
        retires=is_image and not given_way and (root / CHANGES).is_dir(),
    )


def read_begun(root: Path) -> BegunReset | None:
    """The reset that is under way; None if there is none. Raises StoreError."""
    path = root / MARK
    try:
        values = json.loads(path.read_bytes())
        told = values.get("told", False)
        return BegunReset(values["keep_evidence"], values["boot"], values["retired"], told)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StoreError(f"{path} does not read: {fault}", hint="remove it, begin anew") from None


def is_retired(root: Path, begun: BegunReset | None) -> bool:
    """True if the changes under /etc have given way: also if that was not noted any more."""
    path = root / RETIRED
    return bool(begun and begun.retired) or (path.is_dir() and any(path.iterdir()))


def station_names(root: Path) -> list[str]:
    """Those that have settings or state."""
    settings = {path.stem for path in (root / "etc/qc-edge").glob("*.toml")}
    states = {path.name for path in (root / "var/lib/qc-edge").glob("*") if path.is_dir()}
    return sorted(settings | states)


def _settings(root: Path) -> Iterator[FoundPath]:
    """First what starts a station: one that is half gone must not come up after a power cut."""
    units = root / _UNITS
    for path in sorted([*units.glob("*.wants/qc-edge*@?*.*"), *units.glob("qc-edge*@?*.d")]):
        yield FoundPath(path, "how a station is started")
    for path in sorted((root / "etc/qc-edge").glob("*")):
        yield FoundPath(path, "settings")
    for name in ("credstore", "credstore.encrypted"):
        for path in sorted((root / "etc" / name).glob("*")):
            yield FoundPath(path, "a secret")
    for place, what in (
        (TIME_FILE, "the time servers"),
        (SSH_FILE, "how keys of the seed log in"),
        (KEYS_FILE, "keys that log in as root"),
    ):
        yield from _there(FoundPath(root / place, what))
    for path in sorted((root / "etc/systemd/network").glob("50-qc-edge-*.network")):
        yield FoundPath(path, "a network")


def _states(root: Path, *, keep_evidence: bool) -> Iterator[FoundPath]:
    for path in sorted((root / "var/lib/qc-edge").glob("*")):
        paths = StationPaths(root, path.name)
        if not keep_evidence:
            yield FoundPath(path, "records, evidence, users" if path.is_dir() else "a file")
        elif paths.page.is_dir():
            yield FoundPath(paths.page, "users of the page, their codes, its certificate")


def _kept(root: Path, *, is_image: bool, keep_evidence: bool) -> Iterator[FoundPath]:
    if keep_evidence:
        for name in station_names(root):
            what = "records and evidence; a station of this name goes on with them"
            yield FoundPath(StationPaths(root, name).state, what)
    yield FoundPath(
        root / "var/log/journal", "systemd's journal: journalctl --vacuum-time=1s empties it"
    )
    yield FoundPath(root / "var/lib/extensions", "drivers that were added")
    yield FoundPath(root / "opt/qc-edge/modules", "modules that were added")
    if not is_image:
        yield FoundPath(root / "opt/qc-edge", "the software")
        yield FoundPath(root / "etc/hostname", "the box's name")


def _losses(root: Path) -> Iterator[str]:
    for name in station_names(root):
        paths = StationPaths(root, name)
        sealed = sealed_days(paths.published) if paths.published.is_dir() else set()
        only_here = [day for day in sealed if read_receipt(paths.upstream, day) is None]
        if only_here:
            yield (
                f"{name}: {len(only_here)} of {len(sealed)} sealed days were never sent upstream, "
                f"the first {min(only_here)}"
            )
        elif paths.database.exists() and not sealed:
            yield f"{name}: nothing of its log was ever sealed or sent upstream"


def _there(*parts: FoundPath) -> Iterator[FoundPath]:
    return (part for part in parts if part.path.exists() or part.path.is_symlink())
