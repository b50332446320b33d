"""The call list on paper, in Norwegian: alone with whole numbers, and the beginning of it in the report (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from contacts.addresses import spaced_phone
from dispatcher.paper.document import Block, Document, Paragraph, Table
from dispatcher.reports.call_list import GuardianToCall, Phone, StudentToCallAbout, Why
from dispatcher.reports.figures import AlertHead
from dispatcher.reports.norwegian import (
    CLASSES,
    STATUSES,
    code_words,
    day_and_time,
    in_norwegian,
    scenario_words,
    state_words,
)
from dispatcher.reports.words import grouped


def heading_of(alert: AlertHead) -> str:
    """ "Øvelse: skolen er låst. Eksempel vgs"."""
    return f"{STATUSES[alert.status]}: {scenario_words(alert.scenario)}. {alert.school_names}"


def call_table(students: Iterable[StudentToCallAbout], number: Callable[[str], str]) -> Table:
    """One row a guardian, in the order of the list; a student without one has a row, too."""
    return Table(
        "Ringeliste",
        ("klasse", "elev", "ring", "hvorfor"),
        tuple(row for student in students for row in _rows(student, number)),
        (1, 2, 3, 4.6),
    )


def call_paper(
    alert: AlertHead, nobody_reached: int, students: Iterable[StudentToCallAbout], *, made_at: datetime
) -> Document:
    """The call list alone: all students, whole numbers."""

    def blocks() -> Iterator[Block]:
        sent = day_and_time(alert.confirmed_at) if alert.confirmed_at else "aldri"
        yield Paragraph(f"Sendt av {alert.operator} {sent}.")
        yield Paragraph(f"Elever der ingen er nådd: {grouped(nobody_reached)}", strong=True)
        yield Paragraph("Listen har navn og telefonnumre: makuler den når alle er ringt.")
        yield Paragraph(
            f"Når noen er nådd, skriv: beredskap alert reached {alert.number} ELEV --guardian G-… I stedet for ELEV "
            "skriver du koden under elevens navn, og i stedet for G-… den bak den foresattes. Var det eleven selv, "
            "eller en annen hjemme, skriver du ikke --guardian."
        )
        yield call_table(students, spaced_phone)

    return Document(
        f"Ringeliste for varsel {alert.number}",
        heading_of(alert),
        tuple(blocks()),
        f"{alert.number} · laget av Beredskap {day_and_time(made_at)}",
    )


def _rows(student: StudentToCallAbout, number: Callable[[str], str]) -> Iterator[tuple[str, ...]]:
    home_class = student.home_class or ("skjermet" if student.name is None else "uten klasse")
    name = f"{student.name}\n{student.ref}" if student.name else student.ref
    why = f"{CLASSES[student.student_class]}: {in_norwegian(student.why)}" if student.why else ""
    if not student.guardians:
        yield home_class, name, "", why
    for place, guardian in enumerate(student.guardians):
        first = (home_class, name) if place == 0 else ("", "")
        reasons = [why] if why and place == 0 else []
        yield *first, _guardian(guardian, number), "\n".join([*reasons, *map(why_words, guardian.why)])


def _guardian(guardian: GuardianToCall, number: Callable[[str], str]) -> str:
    phones = [_phone(phone, number) for phone in guardian.phones] or ["ikke noe telefonnummer"]
    return "\n".join([f"{guardian.name} ({guardian.ref})", *phones])


def _phone(phone: Phone, number: Callable[[str], str]) -> str:
    notes = [
        note for note, holds in (("fasttelefon", phone.fixed_line), ("ikke bekreftet", not phone.verified)) if holds
    ]
    return f"{number(phone.number)} ({', '.join(notes)})" if notes else number(phone.number)


def why_words(why: Why) -> str:
    """ "SMS kom ikke fram: nummeret er ikke i bruk (30005)"."""
    words = in_norwegian(why.words)
    if why.channel is None or why.state is None:
        return words
    return f"{state_words(why.channel, why.state)}: {words}{code_words(why.code)}"
