"""Labels from a file of another tool: held against the log first, then written as records."""

# ruff: noqa: S608 - a relation
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qc_edge.domain.label import LabelSource, Mask, PersonRole, misplaced, regions_json
from qc_edge.errors import UsageError
from qc_edge.labels import drop
from qc_edge.labels.exchange import coco, csv_file, label_studio
from qc_edge.labels.exchange.foreign import ForeignFile, ForeignLabel, Misfit
from qc_edge.labels.record import MOST_LABELS, SaidLabel, content_key
from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE, LabelRequest, check_text
from qc_edge.labels.targets import fault_of_class
from qc_edge.query.inspection_lookup import InspectionFound, is_frame_id, look_up, open_log
from qc_edge.query.label_rows import label_relation
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths

FILE_MAX = 256 << 20
"""Bytes of a file to import."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would write: `labels`; `already` are in the log or wait; the rest does not
    fit.
    """

    labels: list[SaidLabel]
    already: int
    misfits: list[Misfit]


def read_file(path: Path) -> ForeignFile:
    """The labels in a CSV (.csv) or JSON file: COCO, or Label Studio's. Raises UsageError."""
    if path.stat().st_size > FILE_MAX:
        raise UsageError(f"{path} has more than {FILE_MAX >> 20} MB", hint="import it in pieces")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return csv_file.read(text)
        content = json.loads(text)
        if isinstance(content, list):
            return label_studio.read(content)
        return coco.read(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise UsageError(
            f"{path} is no file of labels: {str(fault)[:200]}",
            hint="NAME.csv with frame_id or part_id, and label; COCO; or Label Studio's JSON",
        ) from None


def plan(paths: StationPaths, file: ForeignFile, by: str | None, role: PersonRole) -> ImportPlan:
    """What of the file fits the log. `by` and `role` are for labels that name nobody.

    Raises StoreError.
    """
    misfits = list(file.misfits)
    found = _inspections(paths, [label.target for label in file.labels])
    by_key: dict[str, SaidLabel] = {}
    for label in file.labels:
        try:
            said = _said(paths, label, found.get(label.target, []), by, role)
            by_key.setdefault(said.label_key, said)
        except (UsageError, ValueError) as fault:
            why = fault.message if isinstance(fault, UsageError) else str(fault)
            misfits.append(Misfit(label.where, why))
    known = _known(paths, by_key) | {label.label_key for label in drop.waiting_labels(paths)}
    new = [said for key, said in by_key.items() if key not in known]
    return ImportPlan(new, len(by_key) - len(new), misfits)


def write(paths: StationPaths, labels: Sequence[SaidLabel]) -> list[Path]:
    """Write them as records, durably; the station takes them up. A repeated import adds nothing.

    Raises RightsError, DiskFullError or StoreError; records before the fault stand.
    """
    return [
        drop.put(paths, labels[at : at + MOST_LABELS], utc_now())
        for at in range(0, len(labels), MOST_LABELS)
    ]


def _inspections(paths: StationPaths, targets: Sequence[str]) -> dict[str, list[InspectionFound]]:
    """The inspections of each frame, part or dropped file that is named."""
    names = sorted(set(targets))
    frames = [name for name in names if is_frame_id(name)]
    with open_log(paths) as log:
        found: dict[str, list[InspectionFound]] = {}
        for column, wanted in (("frame_id", frames), ("part_id", names), ("original_name", names)):
            missing = [name for name in wanted if name not in found]
            for each in look_up(log, column, missing) if missing else ():
                found.setdefault(str(getattr(each, column)), []).append(each)
    return found


def _said(
    paths: StationPaths,
    label: ForeignLabel,
    inspections: Sequence[InspectionFound],
    by: str | None,
    role: PersonRole,
) -> SaidLabel:
    """Raises UsageError or ValueError for a label that does not fit."""
    if len(inspections) != 1:
        times = f"was inspected {len(inspections)} times" if inspections else "is not in the log"
        raise ValueError(f"{label.target} {times}")
    (found,) = inspections
    who = label.who or by
    if who is None:
        raise ValueError("it names nobody, and --by is not given")
    spoken = PersonRole(label.role) if label.role else role
    LabelRequest(
        label.target, label.said, who, defect_class=label.defect_class, regions=label.regions
    ).check()
    if label.why is not None:
        check_text("the note", label.why, LONGEST_NOTE)
    check_text("who", who, LONGEST_NAME)
    if words := fault_of_class(paths, found, label.defect_class):
        raise ValueError(words)
    if words := misplaced(label.regions, found.width or 0, found.height or 0):
        raise ValueError(words)
    for region in label.regions:
        if isinstance(region, Mask) and not drop.mask_path(paths, region.sha256).exists():
            raise ValueError(f"the mask {region.sha256[:12]}… is not among this station's")
    took_s = label.took_s if label.took_s is not None and 0 <= label.took_s <= 86_400 else None
    said = SaidLabel(
        label_key="",
        frame_id=found.frame_id,
        part_id=found.part_id,
        label=label.said,
        defect_class=label.defect_class,
        who=who,
        role=spoken,
        source=LabelSource.IMPORT,
        said_at=utc_now(),
        why=label.why,
        regions=regions_json(label.regions),
        seen_sha256=None,
        took_s=took_s,
        blind=False,
    )
    return replace(said, label_key=content_key(said))


def _known(paths: StationPaths, keys: dict[str, SaidLabel]) -> set[str]:
    with open_log(paths) as log:
        rows = log.fetch(
            f"SELECT record_id FROM {label_relation(log)} "
            "WHERE record_id IN (SELECT unnest($keys::VARCHAR[]))",
            {"keys": list(keys)},
        )
    return {key for (key,) in rows}
