"""The documents keep up with the product: links, commands, exit codes, reason codes, settings."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from qc_edge import errors
from qc_edge.cli import COMMANDS, GROUPS
from qc_edge.domain.verdict import HoldReason, Reason
from qc_edge.errors import QcEdgeError
from qc_edge.query import schema_reference
from tests.quality.tools import REPOSITORY, relative

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|(?:src|href)=\"([^\"]+)\"")


def documents() -> list[Path]:
    return [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub and most renderers make of the headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", document.read_text(encoding="utf-8"))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", documents(), ids=relative)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target in (
        first or second for first, second in LINK.findall(document.read_text(encoding="utf-8"))
    ):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name) if name else document
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken, f"{relative(document)}: {', '.join(broken)}"


VERBS = [*COMMANDS, *(f"{group} {verb}" for group, (_, verbs) in GROUPS.items() for verb in verbs)]


@pytest.mark.parametrize("command", VERBS)
def test_every_command_is_documented(command: str) -> None:
    reference = REPOSITORY / "docs/reference/commands.md"
    assert f"## qc-edge {command}\n" in reference.read_text(encoding="utf-8"), (
        "run: python docs/generate.py"
    )


def error_classes() -> list[type[QcEdgeError]]:
    found = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, QcEdgeError)
    ]
    return [each for each in found if each is not QcEdgeError]


def test_every_exit_code_is_documented() -> None:
    table = (REPOSITORY / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    rows = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", table)}
    codes = {each.exit_code for each in error_classes()} | {0, 1, 2, 3, 130}
    assert rows == codes, "docs/reference/exit-codes.md and qc_edge/errors.py disagree"


def test_every_reason_code_is_documented() -> None:
    table = (REPOSITORY / "docs/reference/reasons.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|", table))
    codes = {str(reason) for reason in (*Reason, *HoldReason)}
    assert rows == codes, "docs/reference/reasons.md and qc_edge/domain/verdict.py disagree"


GENERATED = runpy.run_path(str(REPOSITORY / "docs/generate.py"))["GENERATED"]


@pytest.mark.parametrize("file", GENERATED)
def test_a_generated_reference_is_up_to_date(file: str) -> None:
    written = (REPOSITORY / "docs/reference" / file).read_text(encoding="utf-8")
    assert written == GENERATED[file](), "run: python docs/generate.py"


def test_the_page_of_the_log_is_up_to_date() -> None:
    written = (REPOSITORY / "docs/schema.md").read_text(encoding="utf-8")
    assert written == schema_reference.page(), "run: python -m qc_edge.query.schema_reference"
