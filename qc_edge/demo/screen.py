"""Draws a view of the demo for a terminal of 80 x 24 characters or more; asks no station."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from qc_edge.demo.announcements import Announcement
from qc_edge.demo.picture import picture
from qc_edge.demo.view import Phase, View
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Verdict

STYLES = {"PASS": "green", "FAIL": "red", "INVALID": "yellow"}

_TOP, _TOP_TALL = 9, 16
_TALL, _WIDE = 34, 110
_PICTURE = (34, 14)
"""Columns and lines: 34 x 28 pixels, about the shape of a frame of 1280 x 1024."""

_OTHER_LINES = 6
"""Lines of the screen that are neither panels nor rows of the table: heads, the station, the foot.
"""


def draw(view: View, width: int, height: int, *, colours: bool = True) -> RenderableType:
    """The whole screen of `width` x `height` characters; without `colours` there is no picture."""
    # Without colours the picture's half blocks would all look alike.
    tall = height >= _TALL and width >= _WIDE and colours
    top = _TOP_TALL if tall else _TOP
    parts = Layout(name="parts", ratio=1)
    parts.update(_parts(view, height - top - _OTHER_LINES))
    screen = Layout()
    screen.split_column(
        Layout(_head(view), size=1),
        Layout(_top(view, width, tall=tall), size=top),
        Layout(_station(view), size=2),
        parts,
        Layout(_foot(view, width), size=1),
    )
    return screen


def draw_line(view: View) -> str:
    """The view as one plain line."""
    counts, latencies = view.announced.verdicts, view.announced.latencies
    verdicts = "  ".join(f"{verdict} {counts.get(verdict, 0)}" for verdict in STYLES)
    triggers = f"{view.camera.triggers} triggers  " if view.camera else ""
    lost = f"lost {view.camera.lost}  " if view.camera else ""
    latency = ""
    if latencies.frames:
        latency = f"p50 {_ms(latencies.p50_ms)}  p99 {_ms(latencies.p99_ms)}"
    return f"{triggers}{verdicts}  {lost}spool {view.spool}  {latency}".rstrip()


def _head(view: View) -> Text:
    head = Text.assemble(
        (" qc-edge demo ", "bold reverse"), "  ", no_wrap=True, overflow="ellipsis"
    )
    status = view.status
    if status is None or view.phase in (Phase.RENDERING, Phase.STARTING):
        return head.append(f"{view.phase} ...", "cyan")
    if view.phase is Phase.RUNNING:
        if status.troubles:
            head.append(f"NOT READY: {status.troubles[0]}", "bold red")
        else:
            head.append("READY", "bold green")
    else:
        head.append(str(view.phase), "cyan")
    return head.append(
        f"   {status.model} on {status.engine}, threshold {status.threshold:g}", "dim"
    )


def _top(view: View, width: int, *, tall: bool) -> RenderableType:
    last = view.announced.recent[0] if view.announced.recent else None
    columns, lines = _PICTURE
    row = Layout()
    part = Layout(_last_part(last, (width - (columns + 4) * tall) // 2 - 4), ratio=1)
    counts = Layout(_counts(view), ratio=1)
    if not tall:
        row.split_row(part, counts)
        return row
    image = picture(last.inspection, view.state, columns, lines) if last else Text()
    frame = Layout(
        Panel(image, box=box.ROUNDED, title="frame", title_align="left"), size=columns + 4
    )
    row.split_row(frame, part, counts)
    return row


def _last_part(last: Announcement | None, width: int) -> Panel:
    if last is None:
        return Panel(
            Text("no part yet", "dim"), box=box.ROUNDED, title="last part", title_align="left"
        )
    part = last.inspection
    style = STYLES[part.verdict]
    badge = (f" {part.verdict} ", f"bold white on {style}")
    lines = [
        Text.assemble(badge, f"  {part.disposition}", ("  part ", "dim"), part.part_id),
        Text(),
        _score_bar(part, width),
        Text(part.detail, style),
    ]
    if part.score is None:
        lines.append(Text("the model never saw this frame", "dim"))
    lines.append(_figures(part))
    if part.hold_reason:
        lines.append(Text(f"held: {part.hold_reason}", "yellow"))
    return Panel(
        Group(*lines), box=box.ROUNDED, title="last part", title_align="left", border_style=style
    )


def _figures(part: Inspection) -> Text:
    line = Text()
    for name, value, digits in (
        ("focus", part.focus, 0),
        ("brightness", part.brightness, 0),
        ("framing", part.framing_score, 2),
    ):
        if value is not None:
            line.append(f"{name} ", "dim").append(f"{value:.{digits}f} ")
    return line


def _score_bar(part: Inspection, width: int) -> Text:
    """A bar for 0 to 1: filled up to the score, with a mark at the threshold."""
    width = max(10, min(width, 60))
    mark = min(width - 1, int(part.threshold * width))
    filled = 0 if part.score is None else max(1, round(part.score * width))
    bar = Text(no_wrap=True)
    for place in range(width):
        if place == mark:
            bar.append("┃", "bold")
        elif place < filled:
            bar.append("━", STYLES[part.verdict])
        else:
            bar.append("─", "bright_black")
    return bar


def _counts(view: View) -> Panel:
    counts = view.announced.verdicts
    total = sum(counts.values())
    table = Table.grid(padding=(0, 1), expand=True)
    for justify in ("left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(ratio=1)
    for verdict, style in STYLES.items():
        count = counts.get(verdict, 0)
        bar = ProgressBar(
            total=max(total, 1), completed=count, complete_style=style, finished_style=style
        )
        share = f"{count / total:.0%}" if total else ""
        table.add_row(Text(verdict, f"bold {style}"), str(count), share, bar)
    reasons = sorted(view.announced.reasons.items(), key=lambda item: (-item[1], item[0]))
    why = Table.grid(padding=(0, 2))
    # Six reasons, two in a line: what the panel has lines for on a small screen.
    for at in range(0, min(len(reasons), 6), 2):
        why.add_row(
            *[Text(f"{count:>3} {reason}", "yellow") for reason, count in reasons[at : at + 2]]
        )
    return Panel(
        Group(table, Text(), why), box=box.ROUNDED, title=f"{total} parts", title_align="left"
    )


def _station(view: View) -> RenderableType:
    camera, latencies = view.camera, view.announced.latencies
    grid = Table.grid(padding=(0, 2))
    first = Text(" camera ", "dim", no_wrap=True, overflow="ellipsis")
    if camera is None or not camera.connected:
        first.append("not connected yet" if camera is None else camera.detail)
    else:
        first.append(f"{camera.triggers}", "bold").append(" triggers, ")
        first.append(f"{camera.lost} lost", "bold red" if camera.lost else "")
        first.append("  spool ", "dim").append(f"{view.spool} waiting  ")
        first.append(camera.detail, "dim")
    grid.add_row(first)
    second = Text(" frame to verdict ", "dim", no_wrap=True, overflow="ellipsis")
    if latencies.frames:
        second.append(
            f"p50 {_ms(latencies.p50_ms)}, p99 {_ms(latencies.p99_ms)}, max {_ms(latencies.max_ms)}"
        )
    if view.warnings:
        last = f": {view.last_warning}" if view.last_warning else ""
        second.append(f"  {view.warnings} warnings in station.log{last}", "yellow")
    grid.add_row(second)
    return grid


def _parts(view: View, rows: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column(" part", justify="right", width=6, no_wrap=True)
    table.add_column("verdict", width=8, no_wrap=True)
    table.add_column("line", width=6, no_wrap=True)
    table.add_column("score", justify="right", width=6, no_wrap=True)
    table.add_column("ms", justify="right", width=5, no_wrap=True)
    table.add_column("reason", ratio=1, no_wrap=True, overflow="ellipsis")
    for announcement in view.announced.recent[: max(0, rows)]:
        part, style = announcement.inspection, STYLES[announcement.inspection.verdict]
        latency = announcement.latency_ms
        table.add_row(
            part.part_id,
            Text(part.verdict, style),
            Text(str(part.disposition), "" if part.disposition == "ACCEPT" else style),
            "-" if part.score is None else f"{part.score:.3f}",
            "-" if latency is None else f"{latency:.0f}",
            Text(part.detail if part.verdict is not Verdict.PASS else "good", style),
        )
    return table


def _foot(view: View, width: int) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    left = (
        f"{max(0, view.total - view.done):.0f} s left"
        if view.phase is Phase.RUNNING
        else str(view.phase)
    )
    if view.phase is Phase.RENDERING:
        left = f"{view.done:.0f} of {view.total:.0f} parts rendered"
    bar = ProgressBar(
        total=max(view.total, 1e-9),  # rich divides by it
        completed=view.done,
        width=max(10, width - 62),
        complete_style="cyan",
    )
    grid.add_row(
        "", bar, Text(left, "cyan", no_wrap=True), Text("Ctrl-C ends early", "dim", no_wrap=True)
    )
    return grid


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
