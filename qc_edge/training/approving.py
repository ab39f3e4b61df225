"""A bundle approved for what an evaluation found on pictures that it had not seen, by digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.evaluated import Evaluated
from qc_edge.errors import UsageError
from qc_edge.service.clock import utc_now
from qc_edge.training.evaluating import seen_pictures

_HINT = "qc-edge evaluate BUNDLE DATASET --json > report.json, on parts that it has not seen"


def approve(bundle: Bundle, report: Path, by: str) -> Evaluated:
    """The record to be kept with the bundle. Raises UsageError where the report proves nothing of
    it.
    """
    try:
        data = report.read_bytes()
        values: dict[str, Any] = json.loads(data)
        found, figures = values["bundle"], values["bundle"]["figures"]
        reference, digest = found["bundle"], str(found["sha256"])
        pictures = set(values["pictures"])
        evaluated = Evaluated(
            format=1,
            bundle=bundle.digest,
            report_sha256=hashlib.sha256(data).hexdigest(),
            dataset=Path(values["dataset"]).name,
            dataset_sha256=values["dataset_sha256"],
            split=values["split"],
            good=figures["good"],
            bad=figures["bad"],
            auc=figures["auc"]["value"],
            threshold=figures["threshold"],
            escapes=figures["escapes"]["count"],
            overkill=figures["overkill"]["count"],
            by=by,
            at=utc_now().isoformat(timespec="seconds"),
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UsageError(f"{report} is no evaluation: {fault!r}"[:200], _HINT) from None
    if digest != bundle.digest:
        raise UsageError(
            f"{report} is of {reference} with the digest {digest[:12]}..., "
            f"{bundle.reference} has {bundle.digest[:12]}...",
            _HINT,
        )
    if not pictures:
        raise UsageError(
            f"{report} names no picture, so nobody can tell whether the bundle has seen them", _HINT
        )
    if known := seen_pictures(bundle) & pictures:
        raise UsageError(
            f"{report}: {len(known)} of {len(pictures)} pictures were used to make the bundle",
            _HINT,
        )
    if evaluated.dataset_sha256 == bundle.manifest.training.sha256 and evaluated.split != "test":
        raise UsageError(
            f"{report}: the model learnt from this very dataset, and {evaluated.split} is not its "
            "test part",
            _HINT,
        )
    return evaluated
