"""Several alerts beside each other: drills over time, or a drill and the real thing (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dispatcher.codes import DeliveryState
from dispatcher.reports.breakdown import Milestone
from dispatcher.reports.figures import Report
from dispatcher.reports.words import CHANNEL_WORDS, grouped, oslo_day_time, seconds_words
from providers.base import Channel

FAILED = (DeliveryState.UNDELIVERED, DeliveryState.REJECTED, DeliveryState.EXPIRED)
# Of a report, what is compared as JSON.
_COMPARED = ("classes", "states", "times", "reasons", "unreachable", "unknown", "long_unknown")


def as_json(reports: Sequence[Report]) -> dict[str, object]:
    """Each alert with its figures, in the order given; the names are those of a report's own JSON."""
    return {"alerts": [{"alert": one.alert} | {name: getattr(one, name) for name in _COMPARED} for one in reports]}


def print_comparison(console: Console, reports: Sequence[Report]) -> None:
    """One column an alert, one row a fact."""
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column()
    for _ in reports:
        table.add_column(justify="right", overflow="fold")
    for words, *cells in comparison(reports):
        table.add_row(Text(words, style="" if any(cells) else "bold"), *(Text(cell) for cell in cells))
    console.print(table)
    if len({one.alert.status for one in reports}) > 1:
        console.print(Text("\nNot all of them are of one status: read the differences with care."))


def comparison(reports: Sequence[Report]) -> Iterator[tuple[str, ...]]:
    """The rows: what, and its value for each alert. A row without values is a heading."""

    def row(words: str, value: Callable[[Report], str]) -> tuple[str, ...]:
        return words, *map(value, reports)

    heading = ("",) * len(reports)
    yield row("", lambda one: one.alert.number)
    yield row("confirmed", lambda one: oslo_day_time(one.alert.confirmed_at) if one.alert.confirmed_at else "never")
    yield row("status", lambda one: one.alert.status.value)
    yield row("scenario", lambda one: one.alert.scenario)
    yield row("audience", lambda one: one.alert.school_names)
    yield "Students", *heading
    yield row("nobody reached", lambda one: _of(one.classes.nobody_reached, one.classes.students))
    yield row("handed over", lambda one: _of(one.classes.handed_over, one.classes.students))
    yield row("confirmed", lambda one: _of(one.classes.confirmed, one.classes.students))
    yield row("nobody may be told", lambda one: _of(one.classes.nobody_may_be_told, one.classes.students))
    yield row("in all", lambda one: grouped(one.classes.students))
    for channel in Channel:
        if any(count.channel is channel for one in reports for count in one.states):
            yield from _channel(channel, row, heading)


# Of which times of a channel, and which of them: a field of `Spread`.
MEASURES: Final = tuple(product(Milestone, ("p50", "p95", "max")))
_MILESTONES: Final = {Milestone.HAND_OVER: "handed over", Milestone.DELIVERY: "delivered"}
_MEASURES: Final = {"p50": "half", "p95": "95 of 100", "max": "last"}


def _channel(
    channel: Channel, row: Callable[[str, Callable[[Report], str]], tuple[str, ...]], heading: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    yield CHANNEL_WORDS[channel], *heading
    yield row("messages", lambda one: grouped(messages(one, channel)))
    yield row("failed", lambda one: _of(messages(one, channel, *FAILED), messages(one, channel)))
    if channel is not Channel.EMAIL:
        delivered = DeliveryState.DELIVERED
        yield row("delivered", lambda one: _of(messages(one, channel, delivered), messages(one, channel)))
    for milestone, measure in MEASURES:
        cells = row(f"{_MEASURES[measure]} {_MILESTONES[milestone]} in", _time(channel, milestone, measure))
        if any(cell != "–" for cell in cells[1:]):
            yield cells


def messages(report: Report, channel: Channel, *states: DeliveryState) -> int:
    """The messages of a channel in these states; in all of them when none is named."""
    return sum(
        count.deliveries
        for count in report.states
        if count.channel is channel and (not states or count.state in states)
    )


def seconds_of(report: Report, channel: Channel, milestone: Milestone, measure: str) -> float | None:
    """A time of the channel, from the confirmation; None where nothing came so far."""
    times = next((one for one in report.times if one.channel is channel), None)
    spread = None if times is None else times.hand_over if milestone is Milestone.HAND_OVER else times.delivery
    return None if spread is None else float(getattr(spread, measure))


def _time(channel: Channel, milestone: Milestone, measure: str) -> Callable[[Report], str]:
    def words(report: Report) -> str:
        seconds = seconds_of(report, channel, milestone, measure)
        return "–" if seconds is None else seconds_words(seconds)

    return words


def _of(part: int, whole: int) -> str:
    return f"{grouped(part)} ({100 * part / whole:.1f} %)" if whole else grouped(part)
