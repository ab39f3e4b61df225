"""What a person wants to know of the past, from the words of a command."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_edge.analysis.threshold_impact import Costs
from qc_edge.domain.history import Selection
from qc_edge.errors import StoreError, UsageError
from qc_edge.plot.save import must_be_writable
from qc_edge.recipe.threshold_change import parse_moment, parse_threshold

_REFERENCE = re.compile(r"[a-z][a-z0-9-]*@[A-Za-z0-9.+-]+")


@dataclass(frozen=True, slots=True)
class ReplayQuestion:
    """A threshold, another model, or both; of which parts; what to write where."""

    threshold: float | None
    bundle: str | None
    selection: Selection
    costs: Costs | None
    limit: int
    plot: Path | None
    csv: Path | None
    results: Path | None

    @classmethod
    def parse(
        cls,
        *,
        threshold: str | None = None,
        bundle: str | None = None,
        since: str | None = None,
        until: str | None = None,
        model: str | None = None,
        cameras: Sequence[str] = (),
        cost_escape: float | None = None,
        cost_overkill: float | None = None,
        limit: int = 20,
        plot: Path | None = None,
        csv: Path | None = None,
        results: Path | None = None,
    ) -> ReplayQuestion:
        """Raises UsageError or StoreError that says what is missing, wrong, or cannot be
        written.
        """
        if threshold is None and bundle is None:
            raise UsageError(
                "replay needs something to replay with",
                hint="--threshold X, or --bundle NAME@VERSION",
            )
        begin, end = (parse_moment(text) if text else None for text in (since, until))
        selection = Selection(begin, end, model, tuple(cameras))
        if selection.since and selection.until and selection.since >= selection.until:
            raise UsageError(
                f"--from {since} is not before --to {until}: no time is between them",
                hint="--from is the beginning, --to the end, which does not belong to it",
            )
        if model is not None and not _REFERENCE.fullmatch(model):
            raise UsageError(f"--model {model!r} is no NAME@VERSION", hint="such as reference@1")
        if plot is not None:
            must_be_writable(plot)
        if csv is not None and not csv.absolute().parent.is_dir():
            raise StoreError(
                f"{csv.absolute().parent} is no directory", hint="make it first, or name another"
            )
        return cls(
            threshold=None if threshold is None else parse_threshold(threshold),
            bundle=bundle,
            selection=selection,
            costs=_costs(cost_escape, cost_overkill),
            limit=limit,
            plot=plot,
            csv=csv,
            results=results,
        )


def _costs(escape: float | None, overkill: float | None) -> Costs | None:
    if escape is None and overkill is None:
        return None
    if escape is None or overkill is None:
        raise UsageError("a cost needs both sides", hint="--cost-escape C --cost-overkill C")
    if not (math.isfinite(escape) and math.isfinite(overkill) and escape >= 0 and overkill >= 0):
        raise UsageError(f"costs are numbers from 0 on, not {escape:g} and {overkill:g}")
    return Costs(escape, overkill)
