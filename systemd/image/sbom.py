"""sbom.py ROOT VERSION: what is in the image's tree, as CycloneDX 1.5 on stdout.

Debian's packages with the licences that their copyright files name, and the Python packages of
qc-edge's environment.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

_LICENCE = re.compile(r"(?m)^License:[ \t]*(\S.*)$")


def debian_packages(root: Path) -> Iterator[dict[str, Any]]:
    """Those that dpkg knows as installed."""
    status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    for block in status.strip().split("\n\n"):
        package = HeaderParser().parsestr(block)
        if package.get("Status") == "install ok installed":
            name, version = package["Package"], package["Version"]
            yield {
                "type": "library",
                "bom-ref": f"deb/{name}",
                "name": name,
                "version": version,
                "purl": f"pkg:deb/debian/{name}@{version}?arch={package['Architecture']}",
                "licenses": _licences(root / f"usr/share/doc/{name}/copyright"),
            }


def python_packages(root: Path) -> Iterator[dict[str, Any]]:
    """Those inside of qc-edge's own environment."""
    for metadata in sorted((root / "usr/lib/qc-edge").glob("**/*.dist-info/METADATA")):
        package = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"))
        name, version = package["Name"], package["Version"]
        licence = package.get("License-Expression") or package.get("License") or ""
        first = licence.strip().splitlines()[:1]
        yield {
            "type": "library",
            "bom-ref": f"pypi/{name}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower()}@{version}",
            "licenses": [{"license": {"name": each[:120]}} for each in first if each],
        }


def _licences(copyright_file: Path) -> list[dict[str, Any]]:
    """The short names of a machine-readable copyright file; none of any other."""
    try:
        text = copyright_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    names = sorted({name.strip() for name in _LICENCE.findall(text)})
    return [{"license": {"name": name[:120]}} for name in names]


def bill_of_materials(root: Path, version: str) -> dict[str, Any]:
    """The whole document. Without a date or a random serial: equal images, equal bytes."""
    components = [*debian_packages(root), *python_packages(root)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "operating-system",
                "bom-ref": "image",
                "name": "qc-edge",
                "version": version,
            }
        },
        "components": sorted(components, key=lambda each: each["bom-ref"]),
    }


if __name__ == "__main__":
    json.dump(bill_of_materials(Path(sys.argv[1]), sys.argv[2]), sys.stdout, indent=1)
