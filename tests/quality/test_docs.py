"""The documents keep up with the product: links, commands, exit codes, reason codes, settings."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from qc_edge import errors
from qc_edge.cli import COMMANDS, GROUPS
from qc_edge.domain.parts.rules import PartReason
from qc_edge.domain.verdict import HoldReason, Reason
from qc_edge.errors import QcEdgeError
from tests.quality.tools import REPOSITORY, listing, relative

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|(?:src|href)=\"([^\"]+)\"")


def documents() -> list[Path]:
    return [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub and most renderers make of the headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", document.read_text(encoding="utf-8"))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken_links(document: Path) -> list[str]:
    """The targets of the document's own links that are not there."""
    broken = []
    for in_text, in_markup in LINK.findall(document.read_text(encoding="utf-8")):
        target = in_text or in_markup
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name) if name else document
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    return broken


def test_every_relative_link_leads_somewhere() -> None:
    broken = [
        f"{relative(document)}: {target}"
        for document in documents()
        for target in broken_links(document)
    ]
    assert not broken, listing("links that lead nowhere", broken)


def test_a_link_to_nowhere_is_seen(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("# A\n[one](b.md) [two](#a) [three](#c) [four](https://example.org/)\n")
    assert broken_links(document) == ["b.md", "#c"]


def test_every_command_is_documented() -> None:
    verbs = [f"{group} {verb}" for group, (_, verbs) in GROUPS.items() for verb in verbs]
    reference = (REPOSITORY / "docs/reference/commands.md").read_text(encoding="utf-8")
    missing = [verb for verb in [*COMMANDS, *verbs] if f"## qc-edge {verb}\n" not in reference]
    assert not missing, listing("run: python docs/generate.py", missing)


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
    codes = {each.exit_code for each in error_classes()} | {0, 1, 2, 3, 130, 141}
    assert rows == codes, "docs/reference/exit-codes.md and qc_edge/errors.py disagree"


def test_every_reason_code_is_documented() -> None:
    table = (REPOSITORY / "docs/reference/reasons.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|", table))
    codes = {str(reason) for reason in (*Reason, *HoldReason, *PartReason)}
    assert rows == codes, "docs/reference/reasons.md and qc_edge/domain/verdict.py disagree"


def test_the_generated_references_are_up_to_date() -> None:
    generated = runpy.run_path(str(REPOSITORY / "docs/generate.py"))["GENERATED"]
    stale = [
        file
        for file, generate in generated.items()
        if (REPOSITORY / "docs/reference" / file).read_text(encoding="utf-8") != generate()
    ]
    assert not stale, listing("run: python docs/generate.py", stale)


def test_the_page_of_the_log_is_up_to_date() -> None:
    written = (REPOSITORY / "docs/schema.md").read_text(encoding="utf-8")
    page = runpy.run_path(str(REPOSITORY / "docs/schema_reference.py"))["page"]
    assert written == page(), "run: python docs/schema_reference.py"
