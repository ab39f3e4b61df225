"""The manual page, from docs/reference/commands.md: `manual.py commands.md VERSION >qc-edge.1`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_HEAD = r""".TH QC-EDGE 1 "" "qc-edge {version}" "Visual quality control"
.SH NAME
qc-edge \- visual quality control at the line
.SH SYNOPSIS
.B qc-edge
.I COMMAND
[\fIARGUMENT\fR...]
.SH DESCRIPTION
Every frame accounted for, every verdict reconstructable. One systemd service per station:
.B systemctl start qc-edge@NAME
runs /etc/qc\-edge/NAME.toml. The guides are in /usr/share/doc/qc\-edge: technician.md, qa.md,
integrator.md; the exit codes in reference/exit\-codes.md.
.SH COMMANDS
"""

_TAIL = r""".SH FILES
.TP
/etc/qc\-edge/NAME.toml
settings of a station
.TP
/var/lib/qc\-edge/NAME/
its spool, evidence, log and records
.TP
/opt/qc\-edge/current, previous
the software in use and the version before
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)
"""


def manual(reference: str, version: str) -> str:
    """The page in roff: one subsection a command, its examples and its options."""
    sections = re.split(r"(?m)^## ", reference)[1:]
    return _HEAD.format(version=version) + "".join(map(_section, sections)) + _TAIL


def _section(text: str) -> str:
    name, _, body = text.partition("\n")
    lines = [f'.SS "{_escaped(name)}"\n']
    is_code = False
    for line in body.strip().splitlines():
        option = re.fullmatch(r"\| `(.+?)` \| (.*) \|", line)
        if line.startswith("```"):
            is_code = not is_code
            lines.append(".PP\n.nf\n" if is_code else ".fi\n")
        elif option:
            lines.append(f".TP\n.B {_escaped(option[1])}\n{_escaped(_plain(option[2]))}\n")
        elif not line:
            lines.append(".PP\n")
        elif is_code or not line.startswith("|"):
            lines.append(f"{_escaped(line if is_code else _plain(line))}\n")
    return "".join(lines)


def _plain(text: str) -> str:
    """Markdown's marks taken away."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text).replace("`", "").replace("\\|", "|")


def _escaped(text: str) -> str:
    """A line that roff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    sys.stdout.write(manual(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2]))
