"""How good the contact store is, school by school: whom a real alert would reach by two channels, by one, by none.

Figures only: nothing here names or identifies a person. What a student's guardians may be told, and by which contact
points, is decided by the rules that plan an alert; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from sqlalchemy import Connection, case, func, or_, select

from contacts.audience import AudienceSchool
from contacts.codes import AddressChannel
from contacts.entitlement import Verdict
from contacts.facts import CHUNK, StudentCase, collector_paused, load_cases
from contacts.facts_sql import may_be_told, not_over
from contacts.reach import PointFacts, ReachOptions, reach
from contacts.tables import ADDRESS, CONTACT_POINT, ENROLMENT, PERSON, SCHOOL, STUDENT

_ACTUAL = ReachOptions(frozenset(AddressChannel), use_stale=True)


@dataclass(frozen=True, slots=True)
class StudentFigures:
    """Students, each in one of the four: by how many channels (SMS, e-mail) a real alert reaches somebody who may be
    told about them; `nobody_entitled`: whom nobody may be told about today, or a person must decide about first."""

    two_channels: int = 0
    one_channel: int = 0
    no_channel: int = 0
    nobody_entitled: int = 0

    @property
    def all(self) -> int:
        return self.with_entitled + self.nobody_entitled

    @property
    def with_entitled(self) -> int:
        """What the shares are shares of."""
        return self.two_channels + self.one_channel + self.no_channel


@dataclass(frozen=True, slots=True)
class AddressFigures:
    """Different numbers, or different e-mail addresses, of guardians who may be told today.

    `stale`: verified, and not confirmed for long; `shared`: other guardians have it too, or the contact register (KRR)
    says that others do, who need not be known here; `failing`: messages to it have failed again and again. Fixed lines,
    foreign numbers and numbers whose owner answered STOP (`opted_out`) are phone numbers only.
    """

    all: int = 0
    unverified: int = 0
    stale: int = 0
    shared: int = 0
    fixed_line: int = 0
    foreign: int = 0
    opted_out: int = 0
    failing: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    students: StudentFigures
    phones: AddressFigures
    emails: AddressFigures


@dataclass(frozen=True, slots=True)
class SchoolQuality:
    """One school; a student of two schools counts at both."""

    ref: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Quality:
    """All that was asked about, on the day `on`. `total`: each student and each address once."""

    on: date
    schools: tuple[SchoolQuality, ...]
    total: Figures


def store_quality(
    connection: Connection, schools: Sequence[AudienceSchool], on: date, *, stale_after_months: int
) -> Quality:
    """The figures of these schools, or (none given) of all that have students on the day `on`.

    The school with the greatest share of students without any channel comes first.
    """
    marks = _marks(connection)
    tallies: dict[int, _Tally] = {}
    total = _Tally(marks)
    for chunk in _chunks(_enrolled(connection, schools, on)):
        with collector_paused():
            cases = load_cases(connection, list(chunk), on, stale_after_months=stale_after_months)
            for case in cases:
                channels, points = _reached(case, on)
                for tally in (total, *(tallies.setdefault(one, _Tally(marks)) for one in chunk[case.student_id])):
                    tally.add(channels, points)
    names = connection.execute(
        select(SCHOOL.c.id, SCHOOL.c.ref, SCHOOL.c.name).where(SCHOOL.c.id.in_({*tallies, *(s.id for s in schools)}))
    )
    found = [SchoolQuality(ref, name, tallies.get(id_, _Tally(marks)).figures()) for id_, ref, name in names]
    return Quality(on, tuple(sorted(found, key=_worst_first)), total.figures())


def _worst_first(school: SchoolQuality) -> tuple[float, str, str]:
    students = school.figures.students
    return -(students.no_channel / students.with_entitled if students.with_entitled else 0.0), school.name, school.ref


def _reached(case: StudentCase, on: date) -> tuple[int | None, list[PointFacts]]:
    """By how many channels somebody entitled is reached (None: nobody is entitled), and the points of those people."""
    points: list[PointFacts] = []
    channels: set[AddressChannel] = set()
    entitled = False
    for guardian in case.guardians:
        if case.decide(guardian, on).verdict is Verdict.ENTITLED:
            entitled = True
            points += guardian.points
            channels.update(point.channel for point in reach(guardian.points, _ACTUAL).points)
    return (len(channels) if entitled else None), points


@dataclass(frozen=True, slots=True)
class _Marks:
    """Facts about addresses that the rules do not ask for, by address id."""

    shared: frozenset[int]
    foreign: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Word:
    """What one person's point says of its address."""

    channel: AddressChannel
    verified: bool
    stale: bool
    takes_messages: bool
    opted_out: bool
    failing: bool

    @property
    def goodness(self) -> int:
        return 4 * (not self.failing) + 2 * self.verified - self.stale


# The few that there are, once each: to free hundreds of thousands of points at once stops a process that serves pages.
_word = cache(_Word)


@dataclass(slots=True)
class _Tally:
    """What has been counted so far. Of an address that several persons have, the best word counts."""

    marks: _Marks
    students: dict[int | None, int] = field(default_factory=dict)
    addresses: dict[int, _Word] = field(default_factory=dict)

    def add(self, channels: int | None, points: Iterable[PointFacts]) -> None:
        self.students[channels] = self.students.get(channels, 0) + 1
        for point in points:
            word = _word(
                point.channel, point.verified, point.stale, point.takes_messages, point.opted_out, point.failing
            )
            known = self.addresses.get(point.address_id)
            if known is None or known.goodness < word.goodness:
                self.addresses[point.address_id] = word

    def figures(self) -> Figures:
        by_channels = (self.students.get(number, 0) for number in (2, 1, 0, None))
        return Figures(
            StudentFigures(*by_channels), self._addresses(AddressChannel.SMS), self._addresses(AddressChannel.EMAIL)
        )

    def _addresses(self, channel: AddressChannel) -> AddressFigures:
        found = [(address, word) for address, word in self.addresses.items() if word.channel is channel]
        words = [word for _, word in found]
        phone = channel is AddressChannel.SMS
        return AddressFigures(
            all=len(found),
            unverified=sum(not word.verified for word in words),
            stale=sum(word.stale for word in words),
            shared=sum(address in self.marks.shared for address, _ in found),
            fixed_line=sum(not word.takes_messages for word in words),
            foreign=sum(address in self.marks.foreign for address, _ in found),
            opted_out=sum(word.opted_out for word in words) if phone else 0,
            failing=sum(word.failing for word in words),
        )


def _marks(connection: Connection) -> _Marks:
    point, address = CONTACT_POINT.c, ADDRESS.c
    shared = (
        select(point.address_id)
        .join(PERSON, PERSON.c.id == point.person_id)
        .where(point.ended_at.is_(None), PERSON.c.deceased.is_(False), may_be_told(point.person_id))
        .group_by(point.address_id)
        .having(
            or_(
                func.min(point.person_id) < func.max(point.person_id),
                func.max(case((point.shared_in_register, 1), else_=0)) == 1,
            )
        )
    )
    foreign = select(address.id).where(address.channel == AddressChannel.SMS, address.value.not_like("+47%"))
    return _Marks(frozenset(connection.scalars(shared)), frozenset(connection.scalars(foreign)))


def _enrolled(connection: Connection, schools: Sequence[AudienceSchool], on: date) -> dict[int, list[int]]:
    """The schools of each student, of those asked about; by the same students as an alert to these schools has."""
    at = (
        select(ENROLMENT.c.student_id, ENROLMENT.c.school_id)
        .distinct()
        .join(STUDENT, STUDENT.c.person_id == ENROLMENT.c.student_id)
        .join(PERSON, PERSON.c.id == ENROLMENT.c.student_id)
        .where(not_over(ENROLMENT.c.ended_on), not_over(STUDENT.c.left_on), PERSON.c.deceased.is_(False))
        .order_by(ENROLMENT.c.student_id, ENROLMENT.c.school_id)
    )
    if schools:
        at = at.where(ENROLMENT.c.school_id.in_([school.id for school in schools]))
    found: dict[int, list[int]] = {}
    for student_id, school_id in connection.execute(at, {"on": on}):
        found.setdefault(student_id, []).append(school_id)
    return found


def _chunks(students: dict[int, list[int]]) -> Iterator[dict[int, list[int]]]:
    ids = list(students)
    for start in range(0, len(ids), CHUNK):
        yield {student_id: students[student_id] for student_id in ids[start : start + CHUNK]}
