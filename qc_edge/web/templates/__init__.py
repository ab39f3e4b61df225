"""The templates of the page, and how they are filled in: autoescaped, no name may be missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import jinja2

STATIC = Path(str(files("qc_edge.web").joinpath("static")))


def render(template: str, values: Mapping[str, object]) -> str:
    """The template as text."""
    return _environment().get_template(template).render(values)


@cache
def static_version() -> str:
    """Of all style and scripts together: a browser keeps them until it changes."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qc_edge.web", "templates"),
        # Part ids, lots and file names come from outside and may hold markup.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # In the path and not in a query: a script's imports of its neighbours have it too.
    environment.globals["static"] = lambda name: f"/static/{static_version()}/{name}"
    return environment
