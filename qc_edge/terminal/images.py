"""Image files that a person names on the command line, and the calibrations they are held to."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qc_edge.camera.image_files import FOLDER
from qc_edge.domain.calibration import Calibration, starting_calibration
from qc_edge.errors import UsageError
from qc_edge.recipe.calibrating.image_file import ImageFile
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, IncomingSettings, Settings, StationPaths, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_images(names: Sequence[Path]) -> list[Path]:
    """The files that these names mean, each once, in the order given.

    A directory means the image files directly in it, by name; a pattern (`*`, `?`, `[...]`) that
    the shell has left alone, what it matches. A name that is neither stands for itself, there or
    not. Raises UsageError for a directory without images and a pattern without a match.
    """
    files: dict[Path, None] = {}
    for name in names:
        files.update(dict.fromkeys(_expand(name)))
    return list(files)


def images_in(directory: Path) -> list[Path]:
    """The image files directly in `directory`, by name. Raises UsageError if there is none."""
    try:
        names = sorted(directory.iterdir())
    except OSError as fault:
        raise UsageError(
            f"cannot list {directory}: {fault.strerror}",
            hint="expected a directory with image files",
        ) from None
    files = [path for path in names if _is_image_name(path) and path.is_file()]
    if not files:
        seen = ", ".join(path.name for path in names[:5]) or "nothing"
        kinds = ", ".join(sorted(suffix[1:] for suffix in FOLDER))
        raise UsageError(
            f"no image in {directory}: it holds {seen}", hint=f"expected files of {kinds}"
        )
    return files


class CalibrationSet:
    """Calibrations by camera; `default_camera` is that of pictures that do not name their own."""

    def __init__(
        self, settings: Settings | None, records: Mapping[str, Calibration], default_camera: str
    ) -> None:
        self.settings = settings
        self._records = records
        self._default_camera = default_camera

    @property
    def limits(self) -> IncomingSettings | None:
        """How large a file may be on the station; None without one."""
        return self.settings.incoming if self.settings else None

    def calibration(self, picture: ImageFile) -> Calibration:
        """The record of the camera that took the picture, as far as that is known."""
        return (
            self._records.get(picture.camera or self._default_camera)
            or (self._records[self._default_camera])
        )


def load_calibrations(root: Path, station: str | None, camera: str | None) -> CalibrationSet:
    """The calibrations of `station`, or without one the bounds that stations start with.

    Without `camera`, a picture that does not name its own counts as the station's only camera's, or
    as dropped by another node if there are several. Raises UsageError for a camera that the station
    has not, SettingsError and CalibrationError from the station's files.
    """
    if station is None:
        if camera is not None:
            raise UsageError(
                "--camera without --station", hint="cameras belong to a station: --station NAME"
            )
        return CalibrationSet(
            None, {INCOMING: starting_calibration("none", INCOMING, utc_now())}, INCOMING
        )
    paths = StationPaths(root, station)
    settings = load_settings(paths.settings)
    names = [configured.name for configured in settings.camera]
    nodes = calibrations.cameras(paths.calibration)
    if camera is not None:
        default_camera = require_camera(settings, camera, nodes)
    else:
        default_camera = names[0] if len(names) == 1 else INCOMING
    takes_dropped = settings.incoming.enabled or default_camera == INCOMING
    dropped = [INCOMING] if takes_dropped else []
    records = {
        name: settings.as_seen(calibrations.load_current(paths.calibration, name), name)
        for name in dict.fromkeys((*names, *dropped, *nodes))
    }
    return CalibrationSet(settings, records, default_camera)


def require_camera(settings: Settings, camera: str, nodes: Iterable[str] = ()) -> str:
    """`camera` if the station has it, it is `incoming` or one of the other `nodes` that the log
    knows, else UsageError with the nearest name.
    """
    names = [*(configured.name for configured in settings.camera), INCOMING]
    names += [node for node in nodes if node not in names]
    if camera in names:
        return camera
    near = difflib.get_close_matches(camera, names, 1)
    raise UsageError(
        f"station {settings.station.name!r} has no camera {camera!r}"
        + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"expected {', '.join(names)}",
    )


def _expand(name: Path) -> Iterator[Path]:
    if name.is_dir():
        yield from images_in(name)
    # A file's own name may hold brackets: only what is not there is a pattern.
    elif not name.exists() and glob.has_magic(str(name)):
        matches = sorted(map(Path, glob.glob(str(name))))  # noqa: PTH207 (an absolute pattern, too)
        if not matches:
            raise UsageError(
                f"nothing matches {name}", hint="look at the pattern and the directory"
            )
        for match in matches:
            if match.is_dir():
                yield from images_in(match)
            else:
                yield match
    else:
        yield name


def _is_image_name(path: Path) -> bool:
    return path.suffix.lower() in FOLDER and not path.name.startswith(".")
