"""Several alerts on paper, in Norwegian: beside each other, and all of a school's since a day (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from dispatcher.codes import AlertStatus, DeliveryState
from dispatcher.paper.document import Block, Document, Heading, Paragraph, Table
from dispatcher.reports.breakdown import Milestone
from dispatcher.reports.comparing import FAILED, MEASURES, messages, seconds_of
from dispatcher.reports.figures import Report
from dispatcher.reports.norwegian import (
    CHANNELS,
    STATUSES,
    day_and_time,
    duration,
    milestone_words,
    scenario_words,
    share,
)
from dispatcher.reports.school_term import SchoolTerm
from dispatcher.reports.words import grouped
from providers.base import Channel

_MEASURES = {"p50": "halvparten innen", "p95": "95 av 100 innen", "max": "den siste etter"}
_NONE = "–"


def comparison_paper(reports: Sequence[Report], *, made_at: datetime) -> Document:
    """One column an alert, in the order given; no persons."""
    numbers = [one.alert.number for one in reports]
    return Document(
        "Varsler ved siden av hverandre",
        ", ".join(dict.fromkeys(one.alert.school_names for one in reports)),
        tuple(_comparison(reports)),
        f"{', '.join(numbers)} · laget av Beredskap {day_and_time(made_at)}",
    )


def _comparison(reports: Sequence[Report]) -> Iterator[Block]:
    if len({one.alert.status for one in reports}) > 1:
        yield Paragraph("Ikke alle er av samme slag: les forskjellene med varsomhet.", strong=True)

    def row(words: str, value: Callable[[Report], str]) -> tuple[str, ...]:
        return words, *map(value, reports)

    def table(caption: str, *rows: tuple[str, ...], strong: frozenset[int] = frozenset()) -> Table:
        head = ("", *(one.alert.number for one in reports))
        columns = frozenset(range(1, len(head)))
        return Table(caption, head, rows, (3.6, *(2.4 for _ in reports)), columns, strong)

    yield table(
        "Varslene",
        row("sendt", lambda one: day_and_time(one.alert.confirmed_at) if one.alert.confirmed_at else "aldri"),
        row("hva slags", lambda one: STATUSES[one.alert.status]),
        row("om hva", lambda one: scenario_words(one.alert.scenario)),
        row("til hvem", lambda one: one.alert.school_names),
    )
    yield Heading("Elevene")
    yield table(
        "Elevene",
        row("ingen er nådd", lambda one: _of(one.classes.nobody_reached, one.classes.students)),
        row("overlevert, ikke bekreftet", lambda one: _of(one.classes.handed_over, one.classes.students)),
        row("bekreftet", lambda one: _of(one.classes.confirmed, one.classes.students)),
        row("ingen kan varsles", lambda one: _of(one.classes.nobody_may_be_told, one.classes.students)),
        row("elever i alt", lambda one: grouped(one.classes.students)),
        strong=frozenset({0}),
    )
    for channel in Channel:
        if any(count.channel is channel for one in reports for count in one.states):
            yield Heading(CHANNELS[channel])
            yield table(CHANNELS[channel], *_channel(channel, row))


def _channel(
    channel: Channel, row: Callable[[str, Callable[[Report], str]], tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    yield row("i alt", lambda one: grouped(messages(one, channel)))
    yield row("mislykket", lambda one: _of(messages(one, channel, *FAILED), messages(one, channel)))
    if channel is not Channel.EMAIL:
        delivered = DeliveryState.DELIVERED
        words = "bekreftet" if channel is Channel.VOICE else "levert"
        yield row(words, lambda one: _of(messages(one, channel, delivered), messages(one, channel)))
    for milestone, measure in MEASURES:
        name = milestone_words(channel, milestone, short=True).removeprefix(f"{CHANNELS[channel]} ")
        cells = row(f"{name}, {_MEASURES[measure]}", _duration(channel, milestone, measure))
        if any(cell != _NONE for cell in cells[1:]):
            yield cells


def _duration(channel: Channel, milestone: Milestone, measure: str) -> Callable[[Report], str]:
    def words(report: Report) -> str:
        seconds = seconds_of(report, channel, milestone, measure)
        return _NONE if seconds is None else duration(seconds)

    return words


def _of(part: int, whole: int) -> str:
    return f"{grouped(part)} ({share(part, whole)})" if whole else grouped(part)


def term_paper(term: SchoolTerm, *, made_at: datetime) -> Document:
    """One row an alert, the oldest first; counts of the school's own students, no persons."""
    return Document(
        f"Varsler ved {term.school}",
        f"Siden {term.since:%d.%m.%Y}",
        tuple(_term(term)),
        f"{term.school} · laget av Beredskap {day_and_time(made_at)}",
    )


_KINDS = {AlertStatus.ACTUAL: "virkelige varsler", AlertStatus.EXERCISE: "øvelser", AlertStatus.TEST: "tester"}


def _term(term: SchoolTerm) -> Iterator[Block]:
    counts = ", ".join(f"{words} {term.counts[status]}" for status, words in _KINDS.items())
    yield Paragraph(f"{counts[0].upper()}{counts[1:]}.", strong=True)
    last = term.last_exercise
    yield Paragraph(f"Siste øvelse: {day_and_time(last)}." if last else "Ingen øvelse siden da.")
    if not term.alerts:
        return
    yield Heading("Varslene")
    yield Table(
        "Varslene",
        ("varsel", "sendt", "hva", "elever", "ingen nådd", "bekreftet"),
        tuple(
            (
                one.number,
                day_and_time(one.confirmed_at)[: -len(".00")],
                f"{STATUSES[one.status]}: {scenario_words(one.scenario)}",
                grouped(one.classes.students),
                _of(one.classes.nobody_reached, one.classes.students),
                _of(one.classes.confirmed, one.classes.students),
            )
            for one in term.alerts
        ),
        (2, 2.8, 4, 1.2, 2, 2.4),
        frozenset({3, 4, 5}),
    )
    yield Paragraph(
        "Tallene gjelder skolens egne elever, i de varslene som den som laget arket, kan se. Ingen er nådd for elever "
        "der noen kan varsles, og ingen av dem har fått meldingen, eller der et menneske må avgjøre det."
    )
