"""The pictures that rows name, brought back from upstream, each held against its row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.errors import AuditError
from qc_edge.query.evidence import picture_in
from qc_edge.query.rows import Rows
from qc_edge.store.durable import write_file
from qc_edge.upstream.layout import StationNames, picture_name
from qc_edge.upstream.pictures import PictureClaim, picture_claims
from qc_edge.upstream.targets import Target
from qc_edge.vision import UnreadableFrameError

_PNG = b"\x89PNG"
_THREADS = 8


@dataclass(slots=True)
class PicturesBack:
    """How many pictures are back, how many are not upstream or not what was judged (`not_there`),
    and by class those that rows name and nobody asked for (`left_out`).
    """

    pictures: int = 0
    not_there: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RestoredPictures:
    """The pictures of one station. One thread calls it."""

    state: Path
    target: Target
    names: StationNames
    progress: Callable[[str, int, int], object]

    def restore(
        self, rows: Rows, classes: Collection[EvidenceClass], first: int, last: int
    ) -> PicturesBack:
        """Bring those of `classes` that rows number `first` to `last` name; all others that rows up
        to `last` name are left out. Raises AuditError, UpstreamError, StoreError.
        """
        report = PicturesBack()
        with ThreadPoolExecutor(_THREADS, "restore") as pool:
            for portion in _portions(picture_claims(rows, tuple(EvidenceClass), 1, last)):
                asked = []
                for claim in portion:
                    if claim.kind in classes and claim.seq >= first:
                        asked.append(claim)
                        continue
                    kind = claim.kind.value
                    report.left_out[kind] = report.left_out.get(kind, 0) + 1
                for came in pool.map(self._restore, asked):
                    report.pictures += came
                    report.not_there += not came
                self.progress("pictures", portion[-1].seq, last)
        return report

    def _restore(self, claim: PictureClaim) -> bool:
        if claim.sha256 is None:
            name = self.names.unproven(claim.kind, claim.path)
        else:
            name = picture_name(claim.kind, claim.sha256)
        path = path_inside(self.state, claim.path)
        if path.exists():  # of a run before
            return True
        if (data := self.target.get(name)) is None:
            return False
        try:
            if claim.sha256 is not None and picture_in(data).sha256 != claim.sha256:
                return False
        except UnreadableFrameError:
            return False
        # One that was compressed before it went is where the station's own compression puts it.
        if data.startswith(_PNG) and path.suffix in {".pgm", ".ppm"}:
            path = path.with_suffix(".png")
        write_file(path, data)
        return True


def path_inside(state: Path, name: str) -> Path:
    """A path among the station's state. Raises AuditError for one that leads out of it."""
    path = (state / name).resolve()
    if not path.is_relative_to(state.resolve()):
        raise AuditError(f"{name!r} leads out of the station's state", hint="nothing was done")
    return path


def _portions(claims: Iterator[PictureClaim]) -> Iterator[list[PictureClaim]]:
    portion: list[PictureClaim] = []
    for claim in claims:
        portion.append(claim)
        if len(portion) == 64:
            yield portion
            portion = []
    if portion:
        yield portion
