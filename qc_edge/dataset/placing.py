"""Puts the pictures of samples into a dataset: each held against its row, linked, copied or as PNG.

What was placed before a kill is known again by a list of digests, and not done twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from qc_edge.dataset.masks import BinaryMask, painted
from qc_edge.dataset.sample import Sample
from qc_edge.domain.label import Mask
from qc_edge.query import evidence
from qc_edge.query.evidence import EvidenceMatch
from qc_edge.store.compression import png_of, spooled_png
from qc_edge.store.disk_errors import store_error
from qc_edge.vision import UnreadableFrameError, formats
from qc_edge.vision.image import Image

PLACED = ".placed.jsonl"
"""What is in the directory already: one line for each file."""

_KEPT = {"PNG": ".png", "JPEG": ".jpg"}
"""Kinds of file that every tool reads; others become PNG."""

_SPOOL_MARK = b"# qc-edge "


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of the dataset: its name in it, the sha256 (hex) of its bytes, how many there are."""

    name: str
    sha256: str
    size: int


class Placer:
    """Fills `directory` from the evidence below `state`. One thread.

    `link`: hard links where the file goes as it is and the file system allows it.
    """

    def __init__(self, directory: Path, state: Path, masks: Path, *, link: bool) -> None:
        self._directory, self._state, self._masks, self._link = directory, state, masks, link
        self._list = directory / PLACED
        self._before = _placed_before(self._list)
        self.files: dict[str, PlacedFile] = {}

    def place(
        self, stem: str, path: str | None, sha256: str | None
    ) -> tuple[str, None] | tuple[None, str]:
        """Place the picture that a row names as `stem` with a suffix: its name, or in words why it
        cannot be had. Raises StoreError if it cannot be written.
        """
        if path is None:
            return None, str(EvidenceMatch.NOT_KEPT)
        if sha256 is None:  # the station could not read it either
            return None, str(EvidenceMatch.UNREADABLE)
        for suffix in _KEPT.values():
            if self._is_there(stem + suffix, sha256):
                return stem + suffix, None
        found = evidence.compare(self._state, path, sha256)
        if found.match is not EvidenceMatch.SAME or found.path is None or found.image is None:
            return None, str(found.match)
        try:
            data = found.path.read_bytes()
            kind = formats.examine(data)
        except (OSError, UnreadableFrameError):
            return None, str(EvidenceMatch.UNREADABLE)
        # With a tag that turns it, tools do not agree where its upper left corner is.
        as_it_is = kind.kind in _KEPT and not kind.has_exif
        name = stem + (_KEPT[kind.kind] if as_it_is else ".png")
        if as_it_is:
            self._put(name, sha256, data, linked=found.path)
        else:
            self._put(name, sha256, _as_png(data, found.image))
        return name, None

    def has_masks(self, sample: Sample) -> bool:
        """Whether every mask of the sample's defects is there, fits the frame and marks a thing."""
        masks = [self.load_mask(each) for each in sample.regions if isinstance(each, Mask)]
        return all(
            mask is not None and mask.shape == sample.size[::-1] and bool(mask.any())
            for mask in masks
        )

    def place_mask(self, name: str, sample: Sample) -> str | None:
        """Place the mask of the sample's defects, if it has any: its name."""
        mask = painted(sample.regions, sample.size, self.load_mask)
        if mask is None:
            return None
        data = png_of(mask)
        of = hashlib.sha256(data).hexdigest()
        if not self._is_there(name, of):
            self._put(name, of, data)
        return name

    def load_mask(self, mask: Mask) -> BinaryMask | None:
        """The picture behind a mask of a label; None if it is gone, or not what it was."""
        try:
            data = (self._masks / f"{mask.sha256}.png").read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != mask.sha256:
            return None
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        return None if pixels is None else np.where(pixels != 0, 255, 0).astype(np.uint8)

    def write(self, name: str, text: str) -> None:
        """Write a file of annotations."""
        self._put(name, None, text.encode())

    def clear(self) -> None:
        """Remove what an earlier try left and this one does not want, and the list itself."""
        for path in sorted(self._directory.rglob("*"), reverse=True):
            name = path.relative_to(self._directory).as_posix()
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif name not in self.files:
                path.unlink()

    def _is_there(self, name: str, pixels: str | None) -> bool:
        """Whether an earlier try has placed it, whole."""
        found = self._before.get((name, pixels))
        if found is None:
            return False
        try:
            data = (self._directory / name).read_bytes()
        except OSError:
            return False
        if len(data) != found.size or hashlib.sha256(data).hexdigest() != found.sha256:
            return False
        self.files[name] = found
        return True

    def _put(
        self, name: str, pixels: str | None, data: bytes, *, linked: Path | None = None
    ) -> None:
        path = self._directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if linked is None or not self._link or not _linked(linked, path):
                # Named when it is whole: a kill leaves no half picture under a name.
                part = path.with_name(f".{path.name}.part")
                part.write_bytes(data)
                os.rename(part, path)  # noqa: PTH104
            made = PlacedFile(name, hashlib.sha256(data).hexdigest(), len(data))
            self.files[name] = made
            with self._list.open("a", encoding="utf-8") as listed:
                line = {"name": name, "pixels": pixels, "sha256": made.sha256, "size": made.size}
                listed.write(json.dumps(line) + "\n")
        except OSError as fault:
            raise store_error(fault, f"cannot write {path}") from fault


def _linked(source: Path, target: Path) -> bool:
    """Give the file a second name, if it may have one."""
    try:
        os.link(source, target)
    except OSError:
        return False  # another file system, another user's file, too many links
    return True


def _as_png(data: bytes, image: Image) -> bytes:
    if data[3 : 3 + len(_SPOOL_MARK)] == _SPOOL_MARK:
        # The very bytes that the station's own compression would make of it: an export is the same
        # before and after.
        return spooled_png(data, image)
    return png_of(image.pixels)


def _placed_before(listed: Path) -> dict[tuple[str, str | None], PlacedFile]:
    found: dict[tuple[str, str | None], PlacedFile] = {}
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            values = json.loads(line)
            made = PlacedFile(values["name"], values["sha256"], values["size"])
            found[made.name, values["pixels"]] = made
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a try that was killed
    return found


Progress = Callable[[str, int, int], None]
"""Called with a step, how much of it is done, and of how much."""
