"""Which inspection a person means, and whether what is said fits the bundle that judged it."""

from __future__ import annotations

from qc_edge.bundles.manifest import MANIFEST, parse_manifest
from qc_edge.errors import ModelError, UsageError
from qc_edge.query.inspection_lookup import InspectionFound, find_inspections
from qc_edge.query.part_lookup import near_parts
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped

_SHOWN = 10


def find_one(paths: StationPaths, target: str) -> InspectionFound:
    """The inspection that `target` names. Raises UsageError if there is none, or several."""
    with acting_as_owner(paths.state):
        found = find_inspections(paths, target)
        near = [] if found else near_parts(paths, target)
    if not found:
        hint = f"did you mean {', '.join(near)}?" if near else "qc-edge part says what is known"
        raise UsageError(f"{paths.name} has no inspection of a part or frame {target!r}", hint=hint)
    if len(found) > 1:
        listed = [
            f"  {each.frame_id}  {each.camera}  {each.verdict}"
            + ("" if each.score is None else f"  {each.score:.4f}")
            for each in found[-_SHOWN:]
        ]
        more = f"\n  and {len(found) - _SHOWN} earlier ones" if len(found) > _SHOWN else ""
        raise UsageError(
            f"the part {target} was inspected {len(found)} times:\n" + "\n".join(listed) + more,
            hint="give the frame's id in place of the part's",
        )
    return found[0]


def known_classes(paths: StationPaths, name: str, version: str) -> tuple[str, ...]:
    """The classes of defects that a bundle names; empty if it names none, or is gone."""
    for directory in (paths.models, shipped("models")):
        manifest = directory / name / version / MANIFEST
        try:
            text = manifest.read_text(encoding="utf-8")
            return parse_manifest(text, str(manifest)).decision.classes
        except (OSError, UnicodeDecodeError, ModelError):
            continue
    return ()


def fault_of_class(paths: StationPaths, found: InspectionFound, name: str | None) -> str:
    """What is wrong with a class for this inspection, in words; "" if nothing is."""
    if name is None:
        return ""
    classes = known_classes(paths, found.model_name, found.model_version)
    if not classes or name in classes:
        return ""
    bundle = f"{found.model_name}@{found.model_version}"
    return f"{bundle} knows no class {name!r}: it has {', '.join(classes)}"
