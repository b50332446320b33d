"""Students by class, on paper: of the alert, of its home classes, of its schools (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dispatcher.paper.document import Block, Heading, Paragraph, Table
from dispatcher.reports.breakdown import HomeClass
from dispatcher.reports.classes import ClassCounts
from dispatcher.reports.figures import SchoolClasses
from dispatcher.reports.norwegian import share
from dispatcher.reports.words import grouped

HIDDEN_CLASS = "skjermede elever"
_HEAD = ("elever", "ingen nådd", "overlevert", "bekreftet", "ingen kan varsles")
_WIDTHS = (1.2, 1.4, 1.4, 1.4, 1.8)


def class_table(classes: ClassCounts, *, follow_up: bool) -> Table:
    """Those whom nobody was reached for come first; the last row closes the sum."""
    apart = (
        "ingen ble varslet før, eller ingen kan varsles"
        if follow_up
        else "ingen kan varsles: myndige elever uten samtykke og lignende"
    )
    rows = (
        (classes.nobody_reached, "ingen er nådd"),
        (classes.unreached, "– herav: noen kan varsles, og ingen av dem har fått meldingen"),
        (classes.held, "– herav: et menneske må avgjøre om noen kan varsles"),
        (classes.handed_over, "overlevert: leverandøren har meldingen, eller kan ha den"),
        (classes.confirmed, "bekreftet: noen som kan varsles, har fått den, svart eller er nådd på telefon"),
        (classes.nobody_may_be_told, apart),
        (classes.students, "elever i alt"),
    )
    return Table(
        "Elevene",
        ("elever", "andel", ""),
        tuple((grouped(count), share(count, classes.students), words) for count, words in rows),
        (1, 1, 7),
        frozenset({0, 1}),
        frozenset({0, 6}),
    )


def home_class_blocks(home_classes: Sequence[HomeClass]) -> Iterator[Block]:
    """One row a home class. Protected students, and those who may be, stand together at the end, in no class."""
    if not home_classes:
        return
    schools = {one.school for one in home_classes if one.school}
    yield Heading("Klassene")
    rows = [(_name(one, with_school=len(schools) > 1), one.classes) for one in home_classes]
    yield _counts_table("Elevene i hver klasse", "klasse", rows)
    if any(one.hidden for one in home_classes):
        yield Paragraph(
            "Skjermede elever er de som har adressesperre, eller kan ha det. De står ikke under klassen sin, for det "
            "ville vise hvor de går på skole."
        )


def _name(one: HomeClass, *, with_school: bool) -> str:
    if one.hidden:
        return HIDDEN_CLASS
    name = one.home_class or "uten klasse"
    return f"{one.school}, {name}" if with_school and one.school else name


def school_blocks(schools: Sequence[SchoolClasses]) -> Iterator[Block]:
    """One row a school, of an alert of which figures alone are left."""
    rows = [(one.school or "ukjent skole", one.classes) for one in schools]
    if rows:
        yield Heading("Skolene")
        yield _counts_table("Elevene ved hver skole", "skole", rows)


def _counts_table(caption: str, what: str, rows: Sequence[tuple[str, ClassCounts]]) -> Table:
    cells = [(name, *map(grouped, _counts(classes))) for name, classes in rows]
    sums = (sum(column) for column in zip(*(_counts(classes) for _name, classes in rows), strict=True))
    return Table(
        caption,
        (what, *_HEAD),
        (*cells, ("i alt", *map(grouped, sums))),
        (3, *_WIDTHS),
        frozenset(range(1, 6)),
        frozenset({len(cells)}),
    )


def _counts(classes: ClassCounts) -> tuple[int, ...]:
    return (
        classes.students,
        classes.nobody_reached,
        classes.handed_over,
        classes.confirmed,
        classes.nobody_may_be_told,
    )
