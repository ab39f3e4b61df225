"""A drawing as one HTML page, with tables and a gallery of pictures below it. Fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from qc_edge.plot.canvas import Canvas
from qc_edge.plot.embedded import EmbeddedPicture

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #111827;
       margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
svg {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; margin: 1.5rem 0; }}
th, td {{ padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #e5e7eb; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
p.note {{ color: #92400e; margin: .3rem 0; }}
.gallery {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
           gap: 1.2rem; }}
figure {{ margin: 0; border: 1px solid #e5e7eb; border-radius: 6px; overflow: hidden; }}
figure img, figure .none {{ width: 100%; height: 12rem; object-fit: contain; display: block;
                          background: #f3f4f6; }}
figure .none {{ display: grid; place-items: center; color: #6b7280; }}
figcaption {{ padding: .5rem .7rem .7rem; font-size: 13px; overflow-wrap: anywhere; }}
figcaption b {{ font-size: 15px; }}
</style></head><body>
{picture}
{body}
</body></html>
"""

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""A table as text: its headings, and its rows of as many cells."""


@dataclass(frozen=True, slots=True)
class GalleryPicture:
    """A picture with its title and lines below it; `link` is a page relative to this one.

    `picture` is None where there is none, which the first of `lines` explains.
    """

    picture: EmbeddedPicture | None
    title: str
    lines: tuple[str, ...]
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures under a heading, in the order in which they are to be looked at."""

    heading: str
    pictures: tuple[GalleryPicture, ...]


def page(
    canvas: Canvas,
    tables: Mapping[str, Table],
    gallery: Gallery | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The whole page; `notes` stand between the drawing and the tables."""
    parts = [f'<p class="note">{escape(note)}</p>' for note in notes]
    parts += [_table(title, *table) for title, table in tables.items()]
    if gallery is not None and gallery.pictures:
        figures = "\n".join(map(_figure, gallery.pictures))
        parts.append(f'<h2>{escape(gallery.heading)}</h2>\n<div class="gallery">\n{figures}</div>')
    body = "\n".join(parts)
    return _PAGE.format(title=escape(canvas.title), picture=canvas.svg(), body=body)


def _table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f"<h2>{escape(title)}</h2>\n{table}"


def _figure(shown: GalleryPicture) -> str:
    title = escape(shown.title)
    inside = '<div class="none">no picture</div>'
    if shown.picture is not None:
        uri, width, height = shown.picture.uri, shown.picture.width, shown.picture.height
        inside = f'<img src="{uri}" width="{width}" height="{height}" alt="{title}">'
    heading = f"<b>{title}</b>"
    if shown.link is not None:
        link = escape(shown.link)
        inside, heading = (f'<a href="{link}">{each}</a>' for each in (inside, heading))
    lines = "".join(f"<br>{escape(line)}" for line in shown.lines)
    return f"<figure>{inside}<figcaption>{heading}{lines}</figcaption></figure>"
