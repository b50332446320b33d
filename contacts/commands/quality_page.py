"""How `contacts quality` looks on a terminal: a bar for each school, then its numbers; 80 columns, no colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from contacts.quality import AddressFigures, Figures, Quality, StudentFigures

if TYPE_CHECKING:
    from rich.console import Console

_BAR = 40
# Told apart by their density, so that the bar says the same without colours.
_TWO, _ONE, _NONE = "█", "▒", "·"
SHARED = "shared: other guardians here have it too, or others have registered it in KRR"


def draw_quality(quality: Quality, console: Console) -> None:
    for line in _lines(quality):
        console.print(line, markup=False, soft_wrap=True)


def _lines(quality: Quality) -> Iterator[str]:
    if not quality.schools:
        yield "No school has any students: import them first, with beredskap import."
        return
    several = len(quality.schools) > 1
    yield f"Contact information as of {quality.on}, by a real alert's measure"
    yield f"{_TWO} two channels (SMS and e-mail)   {_ONE} one   {_NONE} none"
    for school in quality.schools:
        yield ""
        yield from _school(school.name, school.figures)
    if several:
        yield ""
        yield from _school(f"All {len(quality.schools)} schools", quality.total)
    if quality.total.phones.shared or quality.total.emails.shared:
        yield ""
        yield SHARED


def _school(name: str, figures: Figures) -> Iterator[str]:
    students = figures.students
    yield f"{name}   {grouped(students.all)} {'student' if students.all == 1 else 'students'}"
    if students.with_entitled:
        yield f"  {bar(students)}  none {percent(students.no_channel, students.with_entitled)}"
        yield "  " + "   ".join(
            f"{what} {grouped(count)} ({percent(count, students.with_entitled)})"
            for what, count in (
                ("none", students.no_channel),
                ("one", students.one_channel),
                ("two", students.two_channels),
            )
        )
    if students.nobody_entitled:
        yield f"  nobody may be told today, or a person must decide: {grouped(students.nobody_entitled)}"
    yield from _addresses("phone numbers", phone_facts(figures.phones), figures.phones)
    yield from _addresses("e-mail addresses", email_facts(figures.emails), figures.emails)


def _addresses(name: str, facts: Sequence[tuple[str, int]], of: AddressFigures) -> Iterator[str]:
    said = [f"{what} {grouped(count)}" for what, count in facts if count]
    line = f"  {name} {grouped(of.all)}"
    for fact in said:
        if len(line) + len(fact) + 3 > 80:
            yield line
            line = "   "
        line += f"   {fact}"
    yield line


def phone_facts(phones: AddressFigures) -> tuple[tuple[str, int], ...]:
    """What is said of phone numbers beside how many they are, in this order."""
    return (
        ("not verified", phones.unverified),
        ("stale", phones.stale),
        ("shared", phones.shared),
        ("failing", phones.failing),
        ("fixed line", phones.fixed_line),
        ("foreign", phones.foreign),
        ("answered STOP", phones.opted_out),
    )


def email_facts(emails: AddressFigures) -> tuple[tuple[str, int], ...]:
    """The same facts of e-mail addresses, so far as they have them: the first ones of those."""
    return (
        ("not verified", emails.unverified),
        ("stale", emails.stale),
        ("shared", emails.shared),
        ("failing", emails.failing),
    )


def bar(students: StudentFigures) -> str:
    """The shares as a bar; a share that is not zero has at least one cell, so that one student in a thousand shows."""
    return "".join(
        sign * cells
        for sign, cells in zip(
            (_TWO, _ONE, _NONE),
            cells_of((students.two_channels, students.one_channel, students.no_channel)),
            strict=True,
        )
    )


def cells_of(counts: Sequence[int], cells: int = _BAR) -> list[int]:
    """`cells` divided in proportion to `counts`, which are not all zero; at least one for each that is not zero."""
    total = sum(counts)
    parts = [max(1, count * cells // total) if count else 0 for count in counts]
    # What rounding has left or taken goes to or from the largest, where it shows least.
    parts[max(range(len(counts)), key=counts.__getitem__)] += cells - sum(parts)
    return parts


def percent(part: int, whole: int) -> str:
    """A share in whole per cent; never 0 % of something, and never 100 % of less than all."""
    if part and part * 200 <= whole:
        return "under 1 %"
    if part != whole and (whole - part) * 200 <= whole:
        return "over 99 %"
    return f"{round(100 * part / whole)} %"


def grouped(number: int) -> str:
    """Thousands set apart as in Norwegian, without breaking the line."""
    return f"{number:,}".replace(",", "\u00a0")
