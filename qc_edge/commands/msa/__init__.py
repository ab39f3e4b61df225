"""`qc-edge msa`: the verbs about measurement system analysis."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.msa import study, trials

HELP = "Studies: whether persons and the station judge alike, alike again, and right."

COMMANDS: dict[str, Callable[..., None]] = {
    "order": trials.order_command,
    "trials": trials.trials_command,
    "attribute": study.attribute_command,
    "gauge": study.gauge_command,
}
