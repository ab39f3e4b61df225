"""The templates of the reports, the one of a part and the one of a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


def report_templates() -> jinja2.Environment:
    """What the reports are rendered with."""
    import jinja2  # only here: the commands that need no report start without it

    return jinja2.Environment(
        loader=jinja2.PackageLoader("qc_edge.report", "."),
        # Part ids and file names come from outside and may hold markup.
        autoescape=True,
        # A misspelt name is an error, not an empty place in a document for a customer.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
