"""The report as PDF: the same HTML, laid out by WeasyPrint, which is an extra."""

from __future__ import annotations

import warnings

from qc_edge.errors import UsageError

_WITHOUT = "write FILE.html instead and print it from a browser: it is made for that"


def render_pdf(html: str) -> bytes:
    """The PDF of a rendered report, which may refer to nothing outside itself.

    Raises UsageError if WeasyPrint or its library Pango is missing.
    """
    try:
        with warnings.catch_warnings():
            # Without HarfBuzz-Subset fontTools does its work, and WeasyPrint warns of it.
            warnings.filterwarnings("ignore", "HarfBuzz-Subset", DeprecationWarning)
            import weasyprint
            from weasyprint.urls import URLFetcher
    except ImportError:
        raise UsageError(
            "a PDF needs the package weasyprint",
            hint=f"pip install 'qc-edge[report]'; or {_WITHOUT}",
        ) from None
    except OSError as fault:
        raise UsageError(
            f"a PDF needs the library Pango: {str(fault).splitlines()[0]}",
            hint=f"sudo apt install libpango-1.0-0 libpangoft2-1.0-0; or {_WITHOUT}",
        ) from None
    # The report's pictures are data URIs. Whatever a part id or a file name from outside may hold,
    # nothing else is fetched, neither from the network nor from the disk.
    fetcher = URLFetcher(allowed_protocols={"data"}, fail_on_errors=True)
    document: bytes = weasyprint.HTML(string=html, url_fetcher=fetcher).write_pdf()
    return document
