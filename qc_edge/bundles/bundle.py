"""Model bundles on disk: found by reference, every file checked against its digest.

Reads and refuses; never repairs, never writes, never runs the model.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qc_edge.bundles.golden import GoldenFrame, read_golden_frames
from qc_edge.bundles.manifest import (
    EVALUATION,
    GOLDEN,
    MANIFEST,
    MODEL,
    REINSTALL,
    SIGNATURE,
    GoldenFile,
    Manifest,
    parse_golden,
    parse_manifest,
)
from qc_edge.errors import ModelError
from qc_edge.vision.prepare import PrepareParameters, Roi, named_parameters, recorded_parameters


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
    def record(self) -> str:
        """How the log names its manifest, below a directory of bundles' parent:
        `models/reference/1/bundle.toml`.
        """
        return f"models/{self.name}/{self.version}/{MANIFEST}"

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

    def parameters(self, roi: Roi | None = None) -> PrepareParameters:
        """How a frame is prepared for this model, or that region of it.

        Without a declared adapter always by the default: what such a manifest calls its
        preprocessing was never looked at.
        """
        if self.manifest.adapter is None:
            return PrepareParameters(roi=roi)
        return named_parameters(self.manifest.input.preprocess, roi)

    def takes(self, identity: str) -> bool:
        """Whether inputs of that `preprocess_id` are such as the model takes; the region is the
        station's own matter.
        """
        return recorded_parameters(identity, None) == self.parameters()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one prepared frame: height, width, and 3 if it is in colour."""
        adapter = self.manifest.adapter
        return self.manifest.input.shape if adapter is None else self.parameters().shape

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
        """The golden frames, read at the first use. Raises ModelError if one has another shape than
        the model's input.
        """
        return tuple(read_golden_frames(self.directory, self.golden.frames, self.input_shape))


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
            # A directory that was copied under another name must not pass for that version.
            if bundle.reference != ref:
                raise ModelError(
                    f"{directory / MANIFEST} says it is {bundle.reference}, expected {ref} at "
                    "that place",
                    REINSTALL,
                )
            return bundle
    installed = sorted(
        f"{manifest.parent.parent.name}@{manifest.parent.name}"
        for manifest in {path for place in search for path in place.glob(f"*/*/{MANIFEST}")}
    )
    near = difflib.get_close_matches(ref, installed, 1)
    raise ModelError(
        f"there is no bundle {ref!r} in {', '.join(map(str, search))}"
        + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"bundles here: {', '.join(installed)}"
        if installed
        else "expected DIR/NAME/VERSION/bundle.toml",
    )


def open_bundle(directory: Path) -> Bundle:
    """The bundle in `directory`, every file checked. Raises ModelError with what is wrong."""
    text = _text(directory / MANIFEST)
    manifest = parse_manifest(text, str(directory / MANIFEST))
    faults = list(_file_faults(directory, manifest))
    if faults:
        raise ModelError(
            f"bundle {directory} is not what was approved:\n  " + "\n  ".join(faults), REINSTALL
        )
    golden = parse_golden(_text(directory / GOLDEN), str(directory / GOLDEN))
    for entry in golden.frames:
        if f"golden/{entry.file}" not in manifest.files:
            raise ModelError(
                f"{directory / GOLDEN} expects {entry.file!r}, which [files] of {MANIFEST} does "
                "not name",
                REINSTALL,
            )
        classes = manifest.adapter.classes if manifest.adapter else ()
        if set(entry.class_scores) != set(classes):
            raise ModelError(
                f"{directory / GOLDEN} has scores of {', '.join(entry.class_scores) or 'no class'} "
                f"for {entry.file!r}, {MANIFEST} declares {', '.join(classes) or 'none'}",
                REINSTALL,
            )
    return Bundle(directory, manifest, golden, hashlib.sha256(text.encode()).hexdigest())


def _file_faults(directory: Path, manifest: Manifest) -> Iterable[str]:
    """What is missing, altered or not named in the manifest, in words."""
    for name, expected in sorted(manifest.files.items()):
        try:
            actual = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            yield f"{name}: missing"
        except OSError as fault:
            yield f"{name}: cannot be read: {fault.strerror}"
        else:
            if actual != expected:
                yield f"{name}: sha256 {actual[:12]}..., expected {expected[:12]}..."
    # A file that nobody approved could change what is loaded: external weights of an ONNX model.
    present = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    for name in sorted(present - set(manifest.files) - {MANIFEST, SIGNATURE, EVALUATION}):
        yield f"{name}: not named in {MANIFEST}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelError(
            f"{path} does not exist", hint="expected a bundle: DIR/NAME/VERSION/bundle.toml"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ModelError(f"cannot read {path}: {fault}", REINSTALL) from None
