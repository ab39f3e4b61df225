"""What the commands of the page need, and a station without a page has not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qc_edge.errors import UsageError


@contextmanager
def page_modules() -> Iterator[None]:
    """For the import of a module of the page. Raises UsageError where the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as fault:
        raise UsageError(
            f"the page needs the Python module {fault.name}, which is not installed",
            hint="pip install 'qc-edge[page]'",
        ) from None
