"""docs/reference/events.md has every kind of event that the sources write, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.quality.tools import PACKAGE, REPOSITORY

WRITERS = {"note", "_note", "_event", "_finding"}
KIND = re.compile(r"[a-z]+(?:_[a-z]+)*")


def written() -> set[str]:
    """First arguments of what writes an event, plain or given by a name that was set just
    before.
    """
    found: set[str] = set()
    for package in ("station", "capture", "inspection", "recipe", "publish", "store"):
        path = PACKAGE / package
        for file in [path] if path.is_file() else sorted(path.glob("*.py")):
            found |= set(_kinds(ast.parse(file.read_text(encoding="utf-8"))))
    return found


def _kinds(tree: ast.Module) -> Iterator[str]:
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        names = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
            if isinstance(call.func, ast.Attribute) and call.func.attr in WRITERS and call.args:
                first = call.args[0]
                if isinstance(first, ast.Name):
                    first = names.get(first.id, first)
                yield from (
                    str(each.value) for each in ast.walk(first) if isinstance(each, ast.Constant)
                )


def documented() -> set[str]:
    """The kinds in the table."""
    text = (REPOSITORY / "docs/reference/events.md").read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^\| `(\w+)` \|", text))


MADE_UP = {"disk_low", "disk_none", "disk_enough", "in_force", "software", "model", "engine"}
"""Kinds that are put together, or held in a table, where they are written."""


def test_every_kind_of_event_is_documented() -> None:
    plain = {kind for kind in written() if KIND.fullmatch(kind)} - {"disk"}
    assert plain | MADE_UP == documented()


def test_kinds_that_are_put_together_are_what_the_sources_put_together() -> None:
    from qc_edge.recipe.in_force import KIND as IN_FORCE
    from qc_edge.store.disk_space import DiskSpace

    assert {f"disk_{room}" for room in DiskSpace} | {
        IN_FORCE,
        "software",
        "model",
        "engine",
    } == MADE_UP
