"""The weeks as a page of words and a drawing of the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qc_edge.plot.canvas import Canvas, Dot, Line, Rectangle, Text

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LEFT, _WIDE, _TOP, _ROW = 170, 720, 48, 62
_HOW = (
    "One station, 360 parts an hour round the clock, in virtual time: invented parts and figures; "
    "the gate of challenges, the schedule, the control charts with their defaults, the event log, "
    "the published files and `suspect` are the product's own. Two days before Monday 06:00 are the "
    "reference. `python -m tests.bench.week DIRECTORY DATE`"
)
_COLOURS = {"control chart": "#1f5fa8", "challenge": "#b3261e", "event": "#96600a"}


def clock(hour: float) -> str:
    """`Tue 03:10`: hours since Monday 06:00."""
    minutes = round((hour + 6) * 60)
    day, rest = divmod(minutes, 24 * 60)
    return f"{_DAYS[day % 7]} {rest // 60:02d}:{rest % 60:02d}"


def week_drawing(week: dict[str, Any]) -> Canvas:
    """Each fault as a bar from its beginning to its mending, with what noticed it, and the window
    that was suspect.
    """
    faults = week["faults"]
    high = _TOP + _ROW * len(faults) + 70
    canvas = Canvas(_LEFT + _WIDE + 30, high, "A week with four faults")
    canvas.add(Text(16, 24, canvas.title, 15, "#111827", bold=True))
    for day in range(8):
        x = _x(24 * day - 6)
        if x >= _LEFT:
            canvas.add(Line(((x, _TOP), (x, high - 50)), "#e5e7eb"))
        if day < 7:
            canvas.add(Text(max(x, _LEFT) + 4, _TOP - 6, _DAYS[day], 11))
    for number, fault in enumerate(faults):
        y = _TOP + _ROW * number + 14
        canvas.add(Text(_LEFT - 10, y + 12, fault["name"], 12, "#111827", anchor="end", bold=True))
        begins, ends = _x(fault["begins"]), _x(fault["mended"] or 168)
        canvas.add(Rectangle(begins, y, max(2.0, ends - begins), 16, "#f3c9c6"))
        asked = [each for each in fault["suspect"] if "since" in each]
        if asked:
            since, until = _x(asked[0]["since"]), _x(asked[0]["until"])
            canvas.add(Rectangle(since, y + 20, max(2.0, until - since), 7, "#cfe0f5"))
            words = f"{asked[0]['parts']:,} parts suspect"
            canvas.add(Text(max(since, _LEFT), y + 39, words, 10.5))
        for each in fault["noticed"]:
            canvas.add(Dot(_x(each["hour"]), y + 8, 5, _COLOURS[each["rule"]]))
    x = float(_LEFT)
    for rule, colour in _COLOURS.items():
        canvas.add(Dot(x, high - 22, 5, colour), Text(x + 10, high - 18, f"by {rule}", 11))
        x += 120
    legend = "red bar: the fault; blue bar: what was suspect"
    canvas.add(Text(x, high - 18, legend, 11))
    return canvas


def _x(hour: float) -> float:
    return _LEFT + _WIDE * min(max(hour, -6), 168) / 168


def week_page(weeks: Sequence[dict[str, Any]], drawing: str) -> str:
    """The page, as Markdown."""
    lines = [
        "# A simulated week",
        "",
        _HOW,
        "",
        f"![the week]({drawing})",
    ]
    for week in weeks:
        lines += ["", f"## {week['week'][:1].upper()}{week['week'][1:]}", "", *_of(week)]
    return "\n".join(lines) + "\n"


def _of(week: dict[str, Any]) -> list[str]:
    words = (
        f"{week['parts']:,} parts, {week['bad_parts']:,} of them bad, {week['bad_accepted']:,} of "
        f"these accepted; {week['held_for_challenges']:,} parts held. False alarms of charts: "
        f"{len(week['false_alarms'])}."
    )
    said = [words]
    said += [f"- {clock(each['hour'])} {each['words']}" for each in week["false_alarms"]]
    if not week["faults"]:
        return said
    said += [
        "",
        "| fault | began | noticed | by | after | mended | bad accepted meanwhile |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault in week["faults"]:
        mended = clock(fault["mended"]) if fault["mended"] is not None else "never"
        first = f"| {fault['name']} | {clock(fault['begins'])} "
        for each in fault["noticed"]:
            words = each["words"].partition(";")[0].replace("|", "/")
            said.append(
                f"{first}| {clock(each['hour'])} | {each['event']}: {words} "
                f"| {each['after_h']:g} h | {mended} | {fault['bad_accepted']:,} |"
            )
            first, mended = "| | ", ""
        if not fault["noticed"]:
            said.append(f"{first}| never | | | {mended} | {fault['bad_accepted']:,} |")
    said += [
        "",
        "| suspect, by the cause | asked | from | to | parts | bad accepted | of them listed |",
        "|---|---|---|---|---|---|---|",
    ]
    if not week["bad_accepted"]:
        words = "No bad part was accepted, so that the last two columns prove nothing."
        said[-2:-2] = [words, ""]
    for fault in week["faults"]:
        for each in fault["suspect"]:
            if "refused" in each:
                said.append(f"| {fault['name']} | {each['asked']} | {each['refused']} | | | | |")
                continue
            said.append(
                f"| {fault['name']} | {each['asked']} | {clock(each['since'])} "
                f"| {clock(each['until'])} | {each['parts']:,} "
                f"| {each['bad_accepted_since_it_began']:,} | {each['of_them_listed']:,} |"
            )
    return said
