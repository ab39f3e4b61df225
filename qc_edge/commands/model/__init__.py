"""`qc-edge model`: the verbs about model bundles, in modules of their own."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.model import bundles, change, compare, drift, pack, shadow, sign

HELP = "Model bundles: which there are, which one judges, and how another takes its place."

COMMANDS: dict[str, Callable[..., None]] = {
    "list": bundles.list_command,
    "show": bundles.show_command,
    "verify": bundles.verify_command,
    "pack": pack.pack_command,
    "install": bundles.install_command,
    "activate": change.activate_command,
    "rollback": change.rollback_command,
    "accept": change.accept_command,
    "compare": compare.command,
    "drift": drift.drift_command,
    "shadow": shadow.command,
    "keygen": sign.keygen_command,
    "sign": sign.sign_command,
    "approve": sign.approve_command,
}
