"""What the formats of detectors share: boxes teach where a defect is, and no box that none is."""

from __future__ import annotations

from collections.abc import Sequence

from qc_edge.dataset.sample import DEFECT, UNLOCATED, Sample, WrittenSample


def subset_of(sample: Sample) -> str:
    """train, val, test, unlabelled; unlocated for a defect that nobody has marked, or of which a
    mask is gone: a detector would otherwise learn it as a good part.
    """
    if sample.truth == DEFECT and not (sample.regions and sample.has_masks):
        return UNLOCATED
    return sample.subset


def by_subset(samples: Sequence[WrittenSample]) -> dict[str, list[WrittenSample]]:
    """The samples of each subset."""
    found: dict[str, list[WrittenSample]] = {}
    for written in samples:
        found.setdefault(subset_of(written.sample), []).append(written)
    return found


def class_names(samples: Sequence[WrittenSample]) -> list[str]:
    """The classes of the defects, in order."""
    return sorted({each.sample.class_name for each in samples if each.sample.truth == DEFECT})
