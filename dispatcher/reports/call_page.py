"""The call list as a person reads it, and the lines at the head of every page about an alert: 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from dispatcher.alerts.status_words import HEADINGS
from dispatcher.reports.call_list import PROTECTED, Phone, StudentToCallAbout
from dispatcher.reports.classes import ClassCounts
from dispatcher.reports.figures import AlertHead
from dispatcher.reports.watch_page import why_words
from dispatcher.reports.words import CLASS_WORDS, grouped, oslo_day_time

ShowNumber = Callable[[str], str]


def print_call_page(
    console: Console, alert: AlertHead, classes: ClassCounts, students: Iterable[StudentToCallAbout]
) -> None:
    """Print the call list alone: all students, whole numbers."""
    print_alert(console, alert)
    print_heading(console, f"Call list ({grouped(classes.nobody_reached)})")
    if classes.nobody_reached:
        console.print(Text(f" {how_to_mark(alert.number)}"))
    print_call_list(console, students)


def how_to_mark(number: str) -> str:
    """What to type when somebody was reached."""
    return f"Reached: beredskap alert reached {number} STUDENT --guardian G-…"


def print_call_list(
    console: Console, students: Iterable[StudentToCallAbout], *, number: ShowNumber = lambda number: number
) -> None:
    """Print the call list by home class while it is read, with whole numbers unless `number` masks them."""
    nobody = True
    for (student_class, group_name), group in groupby(students, lambda one: (one.student_class, _group_name(one))):
        console.print(Text(f"\n {group_name}   {CLASS_WORDS[student_class]}", style="bold"))
        nobody = False
        for student in group:
            for indent, line in _call_lines(student, number):
                console.print(Padding(Text(line), (0, 0, 0, indent)))
    if nobody:
        console.print(" Nobody.")


def _group_name(student: StudentToCallAbout) -> str:
    if student.name is None:
        return "protected" if student.why == PROTECTED else "may be protected"
    return student.home_class or "no class"


def _call_lines(student: StudentToCallAbout, number: ShowNumber) -> Iterator[tuple[int, str]]:
    yield 3, f"{student.name}   {student.ref}" if student.name else student.ref
    if student.why:
        yield 6, student.why
    for guardian in student.guardians:
        phones = ", ".join(_phone_words(phone, number) for phone in guardian.phones) or "no phone number"
        yield 6, f"{guardian.name}   {guardian.ref}   {phones}"
        for why in guardian.why:
            yield 9, why_words(why)


def _phone_words(phone: Phone, number: ShowNumber) -> str:
    notes = [note for note, holds in (("fixed line", phone.fixed_line), ("not verified", not phone.verified)) if holds]
    return f"{number(phone.number)} ({', '.join(notes)})" if notes else number(phone.number)


def print_heading(console: Console, words: str) -> None:
    console.print(Text(f"\n{words}", style="bold"))


def print_alert(console: Console, alert: AlertHead) -> None:
    console.print(
        Text(f"{alert.number}   {HEADINGS[alert.status]}   {alert.scenario}   {alert.school_names}", style="bold")
    )
    state = f"{alert.state.value}, "
    if alert.planned_students < alert.students:
        state += f"planned {grouped(alert.planned_students)} of {grouped(alert.students)} students, "
    confirmed = oslo_day_time(alert.confirmed_at) if alert.confirmed_at else "never"
    console.print(Text(f"{state}sent by {alert.operator} {confirmed}"))
    if thread := _thread_words(alert):
        console.print(Text(thread))


def _thread_words(alert: AlertHead) -> str:
    """What it follows up, and what follows it; empty for an alert that stands alone."""
    parts = [f"refers to {alert.refers_to}"] if alert.refers_to else []
    parts += [f"followed by {alert.followed_by}"] if alert.followed_by else []
    return ", ".join(parts)
