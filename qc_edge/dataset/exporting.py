"""A dataset from beginning to end: rows, pictures, annotations, datasheet, manifest, and its name.

Everything is written into a hidden directory beside the place that was named, and gets its name
when it is whole. A try that was killed goes on where it was.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qc_edge.dataset import manifest
from qc_edge.dataset.datasheet import Datasheet, datasheet
from qc_edge.dataset.datasheet_page import datasheet_page
from qc_edge.dataset.formats import DatasetFormat, find_format, mvtec, prepared_stem
from qc_edge.dataset.item import as_item
from qc_edge.dataset.likeness import alike_pairs
from qc_edge.dataset.placing import PLACED, Placer, Progress
from qc_edge.dataset.request import DatasetRequest
from qc_edge.dataset.sample import Sample, WrittenSample
from qc_edge.dataset.selecting import label_agreement, select
from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.errors import BusyError
from qc_edge.query.evidence import EvidenceMatch
from qc_edge.query.kept.deletion_rows import frames_without
from qc_edge.query.published_log import PublishedLog
from qc_edge.review.agreement import Agreement
from qc_edge.service.synced_file import sync_file
from qc_edge.settings import StationPaths, load_settings
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk
from qc_edge.version import __version__

STEPS = {"rows": "rows", "pictures": "pictures", "likeness": "looking for copies", "disk": "disk"}
"""The steps and what they are called."""


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What was exported: the digest is that of the manifest, and so of the whole dataset."""

    out: Path
    kind: str
    samples: int
    size: int
    digest: str
    sheet: Datasheet

    def to_json_values(self) -> Mapping[str, Any]:
        """The object that `--json` prints."""
        return {
            "out": self.out,
            "format": self.kind,
            "samples": self.samples,
            "bytes": self.size,
            "sha256": self.digest,
            "datasheet": self.sheet.to_json_values(),
        }


def export_dataset(
    paths: StationPaths, request: DatasetRequest, progress: Progress
) -> DatasetSummary:
    """Export what `request` asks for. Raises UsageError, StoreError or SettingsError; what was
    done by then is taken up by the next try, and nothing has the name.
    """
    settings = load_settings(paths.settings)
    request.check(paths)
    kind = find_format(request.kind)
    progress("rows", 0, 0)
    with PublishedLog(paths.published) as log:
        cursor = log.cursor()
        samples = select(cursor, paths, settings, request)
        agreement = label_agreement(cursor, settings, request)
        deleted = frames_without(cursor, EvidenceClass.RAW)
    if request.kind == "mvtec":
        samples = mvtec.with_defects_in_test(samples)
    with _work_directory(request.out) as work:
        placer = Placer(work, paths.state, paths.masks, link=request.link)
        written, left_out = _place(placer, kind, samples, progress)
        for frame in deleted & {each for each in left_out if left_out[each] == "missing"}:
            left_out[frame] = str(EvidenceMatch.DELETED)
        for name, text in kind.label_files(written, placer.load_mask).items():
            placer.write(name, text)
        sheet = _write_about(placer, work, paths.name, written, (agreement, left_out), progress)
        placer.write(manifest.MANIFEST, _manifest(paths, request, written, left_out, placer))
        placer.clear()
        progress("disk", 0, 0)
        _sync(work)
        size = sum(file.size for file in placer.files.values())
        digest = placer.files[manifest.MANIFEST].sha256
        os.rename(work, request.out)  # noqa: PTH104
    Disk().sync_directory(request.out.parent)
    return DatasetSummary(request.out, request.kind, len(written), size, digest, sheet)


def _place(
    placer: Placer, kind: DatasetFormat, samples: Sequence[Sample], progress: Progress
) -> tuple[list[WrittenSample], dict[str, str]]:
    """What has a picture, and why the others have none, by frame."""
    written, left_out = list[WrittenSample](), dict[str, str]()
    for number, selected in enumerate(samples):
        progress("pictures", number, len(samples))
        sample = replace(selected, has_masks=placer.has_masks(selected))
        row, stem = sample.row, kind.image_stem(sample)
        image, why = placer.place(stem, row["raw_path"], row["raw_sha256"])
        if image is None:
            left_out[sample.frame_id] = why or ""
            continue
        prepared, _ = placer.place(
            prepared_stem(stem), row["prepared_path"], row["prepared_sha256"]
        )
        place = kind.mask_name(sample) if sample.regions and sample.has_masks else None
        mask = placer.place_mask(place, sample) if place else None
        written.append(WrittenSample(sample, image, prepared, mask))
    progress("pictures", len(samples), len(samples))
    return written, left_out


def _write_about(
    placer: Placer,
    work: Path,
    station: str,
    written: Sequence[WrittenSample],
    told: tuple[Sequence[Agreement], Mapping[str, str]],
    progress: Progress,
) -> Datasheet:
    """The samples with all that is known of them, and the datasheet."""
    lines = [json.dumps(each.to_json_values(), sort_keys=True) + "\n" for each in written]
    placer.write(manifest.SAMPLES, "".join(lines))
    items = [as_item(each, work) for each in written]
    alike = alike_pairs(items, lambda done, total: progress("likeness", done, total))
    agreement, left_out = told
    title = f"dataset of {station}"
    lost = sum(not each.sample.has_masks for each in written)
    sheet = datasheet(title, items, alike, agreement, Counter(left_out.values()), lost)
    text = json.dumps(sheet.to_json_values(), indent=1, default=str) + "\n"
    placer.write(manifest.DATASHEET, text)
    placer.write(manifest.DATASHEET_PAGE, datasheet_page(sheet, items))
    return sheet


def _manifest(
    paths: StationPaths,
    request: DatasetRequest,
    written: Sequence[WrittenSample],
    left_out: Mapping[str, str],
    placer: Placer,
) -> str:
    files = sorted(placer.files.values(), key=lambda file: file.name)
    return manifest.encode(
        {
            "kind": request.kind,
            "station": paths.name,
            "software": f"qc-edge {__version__}",
            "query": request.to_json_values(),
            "classes": sorted({each.sample.class_name for each in written if each.sample.truth}),
            "samples": len(written),
            "left_out": [
                {"frame_id": frame, "why": why} for frame, why in sorted(left_out.items())
            ],
            "files": {file.name: {"sha256": file.sha256, "size": file.size} for file in files},
        }
    )


@contextmanager
def _work_directory(out: Path) -> Iterator[Path]:
    """The hidden directory beside `out`, which stays if the work does not come to its end.

    Raises BusyError if another process fills it.
    """
    work = out.with_name(f".{out.name}.partial")
    try:
        work.mkdir(parents=True, exist_ok=True)
        opened = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as fault:
        raise store_error(fault, f"cannot write {out}") from fault
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another command is writing {out}", hint="wait for its end, or name another"
            ) from None
        yield work
    except OSError as fault:
        raise store_error(fault, f"cannot write {out}") from fault
    finally:
        os.close(opened)


def _sync(work: Path) -> None:
    """Make all files durable, then their names: the directory gets its own name after that."""
    disk = Disk()
    directories = [work]
    for path in work.rglob("*"):
        if path.is_dir():
            directories.append(path)
        else:
            sync_file(path)
    (work / PLACED).unlink(missing_ok=True)
    for directory in directories:
        disk.sync_directory(directory)
