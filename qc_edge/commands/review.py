"""`qc-edge review`: what a person should look at next, and what the labels tell so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import ListLimit, text_option
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.review import ReviewItem, ReviewQueue
    from qc_edge.review.agreement import Agreement
    from qc_edge.review.statistics import ReviewStatistics

Action = Annotated[
    Literal["next", "list", "claim", "stats"],
    typer.Argument(help="[bold]next[/bold] claims what it shows."),
]
Frame = Annotated[
    str | None,
    typer.Argument(metavar="FRAME", help="With [bold]claim[/bold].", show_default=False),
]
By = Annotated[
    str | None,
    text_option("--by", metavar="WHO", help="Who is going to look; left out: who is logged in."),
]


def command(
    name: Name,
    action: Action,
    frame: Frame = None,
    by: By = None,
    limit: ListLimit = 20,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """What a person should look at next and why, and what the labels tell so far.

    On the queue is what is disputed, what the shadow judges otherwise, what the defect map is at
    odds with, what is near the threshold, what lies furthest outside of what its model was trained
    on, the first parts after a change, and a random sample of what PASSed
    ([bold]\\[review] audit_share[/bold]); the more a look tells, the earlier. next and claim keep a
    part for that person for a while; of some parts a second person is asked without seeing the
    first label. A label takes a part off the queue: qc-edge label. There is no way to mark parts as
    looked at that nobody has looked at.

    stats: which share of what PASSed is defective, from the random sample alone, with its exact
    95 % interval, and how far people agree (Cohen's kappa).

    [dim]Examples:[/dim]
      [bold]qc-edge review line1 next --by anna[/bold]
      [bold]qc-edge review line1 list --limit 5[/bold]
      [bold]qc-edge review line1 stats[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.attribution import person_at_the_terminal
    from qc_edge.review import ReviewQueue
    from qc_edge.review.statistics import review_statistics
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    if action in {"next", "claim"}:
        by = person_at_the_terminal() if by is None else by
        if not by:
            raise UsageError(f"{action}: who is going to look is missing", hint="--by YOU")
    if (action == "claim") != (frame is not None):
        raise UsageError("a frame goes with claim", hint=f"qc-edge review {name} claim FRAME --by")
    act_as_owner(paths.state)
    if action == "stats":
        statistics = review_statistics(paths, settings, utc_now())
        with ReviewQueue(paths, settings) as queue:
            counts = queue.counts()
        if as_json:
            print_json({**statistics.to_json_values(), "waiting": counts})
        else:
            _print_statistics(statistics, counts)
        return
    with ReviewQueue(paths, settings) as queue:
        if action == "claim":
            claim = queue.claim(frame or "", by or "")
            if as_json:
                print_json({"frame_id": claim.frame_id, "by": claim.by, "until": claim.until})
            else:
                out().print(
                    f"{claim.frame_id} is kept for {claim.by} until {claim.until:%H:%M} UTC"
                )
        elif action == "list":
            items = queue.items(by, limit)
            if as_json:
                print_json([item.to_json_values() for item in items])
            else:
                _print_list(items, queue)
        else:
            item = queue.next(by or "")
            if as_json:
                print_json({"item": item.to_json_values() if item else None})
            else:
                _print_next(name, item, by or "")


def _print_next(name: str, item: ReviewItem | None, by: str) -> None:
    from qc_edge.domain.printable import printable

    console = out()
    if item is None:
        console.print(f"nothing waits for {by}")
        return
    score = "" if item.score is None else f", score {item.score:.4f}"
    console.print(
        f"part [bold]{printable(item.part_id)}[/bold], {item.frame_id}: {item.verdict}{score}"
    )
    for words in item.why:
        console.print(f"  {printable(words)}", markup=False)
    if item.raw_path:
        console.print(f"  {item.raw_path}", markup=False)
    console.print(f"qc-edge label {name} {item.frame_id} good|defect --by {by}", markup=False)


def _print_list(items: list[ReviewItem], queue: ReviewQueue) -> None:
    from qc_edge.terminal.tables import print_tables

    rows: list[tuple[str, ...]] = [
        (item.part_id, item.frame_id, item.verdict, f"{item.information:.2f}", "; ".join(item.why))
        for item in items
    ]
    title = f"{queue.open_count():,} wait; the first {len(rows)}"
    headings: tuple[str, ...] = ("part", "frame", "verdict", "information", "why")
    print_tables(out(), {title: (headings, rows)})


def _print_statistics(statistics: ReviewStatistics, counts: dict[str, int]) -> None:
    from qc_edge.terminal.tables import print_tables

    console, escapes = out(), statistics.escapes
    if escapes.interval is None:
        share = "none of them judged yet: nobody can say how many defects get through"
    else:
        low, high = escapes.interval
        share = (
            f"{escapes.escapes.count} of {escapes.escapes.of:,} judged are defective: "
            f"{escapes.escapes.value:.3%}, exact 95 % interval {low:.3%} to {high:.3%}"
        )
    console.print(
        f"escapes since {escapes.since:%Y-%m-%d}: {escapes.passed:,} PASSed, {escapes.drawn:,} "
        f"drawn at random, {share}"
    )
    console.print(
        "waiting: " + ", ".join(f"{reason} {count:,}" for reason, count in counts.items())
    )
    headings = ("one", "other", "parts", "agreed", "kappa")
    tables = {
        "Agreement of each person with all others": (headings, _rows(statistics.people)),
        "Agreement of pairs": (headings, _rows(statistics.pairs)),
    }
    print_tables(console, {title: table for title, table in tables.items() if table[1]})


def _rows(agreements: list[Agreement]) -> list[tuple[str, ...]]:
    return [
        (
            each.one,
            each.other,
            f"{each.parts:,}",
            f"{each.agreed:,}",
            "" if each.kappa is None else f"{each.kappa:.3f}",
        )
        for each in agreements
    ]
