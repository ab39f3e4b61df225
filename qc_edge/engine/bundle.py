"""Model bundles on disk: found by reference, every file held to its digest, golden frames at hand.

Reads and refuses; never repairs, never writes, never runs the model by itself.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from qc_edge.engine import DefectMap, Engine, Prepared
from qc_edge.engine.manifest import (
    GOLDEN,
    MANIFEST,
    MODEL,
    SIGNATURE,
    GoldenFile,
    Manifest,
    parse_golden,
    parse_manifest,
)
from qc_edge.errors import ModelError

_REINSTALL = "install the bundle again as it was delivered; a bundle is never edited in place"


@dataclass(frozen=True, slots=True, eq=False)
class GoldenFrame:
    """A prepared frame (1 x H x W) and what the approved model said of it.

    `score` is in 0..1; `map_coarse` are the map's maxima over a coarse grid (0..1), empty if not
    kept.
    """

    name: str
    shows: str
    prepared: Prepared
    score: float
    map_coarse: DefectMap

    def wide_map(self, shape: tuple[int, int]) -> DefectMap:
        """A map of `shape` (h, w) whose coarse maxima are these; the score everywhere if none are
        kept.
        """
        if not self.map_coarse.size:
            return np.full(shape, self.score, np.float32)
        rows, columns = (
            side // fields for side, fields in zip(shape, self.map_coarse.shape, strict=True)
        )
        return np.kron(self.map_coarse, np.ones((rows, columns), np.float32))


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle whose every file has been held to its digest. `directory` holds bundle.toml.

    `digest` is the sha256 (hex) of bundle.toml, and so of the whole bundle.
    """

    directory: Path
    manifest: Manifest
    golden: GoldenFile
    digest: str

    @property
    def name(self) -> str:
        """The bundle's name, `reference`."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """The bundle's version, `1`."""
        return self.manifest.version

    @property
    def reference(self) -> str:
        """How settings and rows name it, `reference@1`."""
        return f"{self.name}@{self.version}"

    @property
    def sha256(self) -> str:
        """Hex digest of the model file."""
        return self.manifest.files[MODEL]

    @property
    def model_path(self) -> Path:
        """The ONNX file."""
        return self.directory / MODEL

    @property
    def preprocess_id(self) -> str:
        """How frames were prepared that the model learnt from."""
        return self.manifest.input.preprocess

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of one prepared frame."""
        return self.manifest.input.shape

    @property
    def threshold(self) -> float:
        """The default threshold (0..1)."""
        return self.manifest.decision.threshold

    @property
    def review_band(self) -> float:
        """Scores this near the threshold are for a person, by default (0..1)."""
        return self.manifest.decision.review_band

    @property
    def tolerance(self) -> float:
        """How far a golden score may move from one machine to another."""
        return self.manifest.decision.tolerance

    @cached_property
    def golden_frames(self) -> tuple[GoldenFrame, ...]:
        """The golden frames, read when first asked for. Raises ModelError if one is not the input's
        shape.
        """
        return tuple(self._golden_frames())

    def _golden_frames(self) -> Iterable[GoldenFrame]:
        for entry in self.golden.frames:
            path = self.directory / "golden" / entry.file
            pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            if pixels is None or pixels.shape != self.input_shape or pixels.dtype != np.uint8:
                seen = (
                    "no image"
                    if pixels is None
                    else f"{pixels.dtype} {'x'.join(map(str, pixels.shape))}"
                )
                wanted = "x".join(map(str, self.input_shape))
                raise ModelError(
                    f"golden frame {path}: found {seen}, expected uint8 {wanted}", _REINSTALL
                )
            yield GoldenFrame(
                name=entry.file,
                shows=entry.shows,
                prepared=np.asarray(pixels, np.uint8)[None],
                score=entry.score,
                map_coarse=np.array(entry.map_coarse, np.float32),
            )


def load_bundle(ref: str, search: Sequence[Path]) -> Bundle:
    """The bundle `NAME@VERSION`, looked up as DIR/NAME/VERSION in each of `search` in turn.

    A `ref` with a `/` is a bundle's own directory. Raises ModelError if it is nowhere, or if any of
    its files is missing, altered or not named in its manifest.
    """
    if "/" in ref:
        return open_bundle(Path(ref))
    name, _, version = ref.partition("@")
    for place in search:
        directory = place / name / version
        if version and (directory / MANIFEST).is_file():
            bundle = open_bundle(directory)
            if bundle.reference != ref:
                raise ModelError(
                    f"{directory / MANIFEST} says it is {bundle.reference}, expected {ref} at "
                    "that place",
                    _REINSTALL,
                )
            return bundle
    known = sorted(
        {
            f"{m.parent.parent.name}@{m.parent.name}"
            for d in search
            for m in d.glob(f"*/*/{MANIFEST}")
        }
    )
    near = difflib.get_close_matches(ref, known, 1)
    raise ModelError(
        f"there is no bundle {ref!r} in {', '.join(map(str, search))}"
        + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"bundles here: {', '.join(known)}"
        if known
        else "expected DIR/NAME/VERSION/bundle.toml",
    )


def open_bundle(directory: Path) -> Bundle:
    """The bundle in `directory`, every file checked. Raises ModelError with what is wrong."""
    text = _text(directory / MANIFEST)
    manifest = parse_manifest(text, str(directory / MANIFEST))
    faults = list(_altered(directory, manifest))
    if faults:
        raise ModelError(
            f"bundle {directory} is not what was approved:\n  " + "\n  ".join(faults), _REINSTALL
        )
    golden = parse_golden(_text(directory / GOLDEN), str(directory / GOLDEN))
    for entry in golden.frames:
        if f"golden/{entry.file}" not in manifest.files:
            raise ModelError(
                f"{directory / GOLDEN} expects {entry.file!r}, which [files] of {MANIFEST} does "
                "not name",
                _REINSTALL,
            )
    return Bundle(directory, manifest, golden, hashlib.sha256(text.encode()).hexdigest())


def self_test(engine: Engine, bundle: Bundle) -> None:
    """Score the golden frames, each alone and, on an engine that takes several at once, all
    together.

    Raises ModelError with a table if a score or a map moved past tolerance.
    """
    frames, moved = bundle.golden_frames, 0
    rounds = [[engine.infer(frame.prepared)[0] for frame in frames]]
    if engine.info.max_batch > 1:
        rounds.append(engine.infer(np.concatenate([frame.prepared for frame in frames])))
    rows = []
    for frame, *scores in zip(frames, *rounds, strict=True):
        off = [_difference(frame, score.value, score.defect_map) for score in scores]
        worst = int(np.argmax(off))  # the first that is no number, if there is one
        got, by = scores[worst], off[worst]
        is_moved = not by <= bundle.tolerance
        moved += is_moved
        mark = "moved" if is_moved else "ok"
        rows.append(f"  {frame.name:24} {frame.score:9.5f} {got.value:9.5f} {by:9.5f}  {mark}")
    if moved:
        head = f"  {'golden frame':24} {'expected':>9} {'got':>9} {'off by':>9}"
        raise ModelError(
            f"{bundle.reference} on {engine.info.backend} {engine.info.version} "
            f"({engine.info.device}): "
            f"{moved} of {len(rows)} golden frames moved by more than {bundle.tolerance:g}\n"
            + "\n".join([head, *rows]),
            hint="this engine must not judge with this bundle: install the engine version that it "
            "was "
            "approved with, or approve the bundle anew",
        )


def coarse(defect_map: DefectMap, fields: int) -> DefectMap:
    """The maxima of a map over `fields` x `fields` equal fields (the map's sides must divide)."""
    height, width = defect_map.shape
    grid = defect_map.reshape(fields, height // fields, fields, width // fields)
    return np.asarray(grid.max(axis=(1, 3)), np.float32)


def _difference(frame: GoldenFrame, score: float, defect_map: DefectMap) -> float:
    """The larger of what the score and the coarse map are off by; NaN if either is."""
    off = [abs(score - frame.score)]
    if frame.map_coarse.size:
        off.append(
            float(np.abs(coarse(defect_map, len(frame.map_coarse)) - frame.map_coarse).max())
        )
    return float(np.max(off))


def _altered(directory: Path, manifest: Manifest) -> Iterable[str]:
    for name, expected in sorted(manifest.files.items()):
        try:
            found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            yield f"{name}: missing"
        except OSError as fault:
            yield f"{name}: cannot be read: {fault.strerror}"
        else:
            if found != expected:
                yield f"{name}: sha256 {found[:12]}..., expected {expected[:12]}..."
    present = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    for name in sorted(present - set(manifest.files) - {MANIFEST, SIGNATURE}):
        yield f"{name}: not named in {MANIFEST}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelError(
            f"{path} does not exist", hint="expected a bundle: DIR/NAME/VERSION/bundle.toml"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ModelError(f"cannot read {path}: {fault}", _REINSTALL) from None
