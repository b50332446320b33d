"""What one guardian sees today: their students, and nothing of anybody whom they may not know of.

`contacts/guardian_sees.py` says what may stand here, and why not more. Whoever sees nothing gets an empty view, which
looks the same for somebody who guards nobody, whose only student is protected, and who is blocked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, and_, select, union

from contacts.codes import Basis, ConsentPurpose
from contacts.entitlement import ANSWERS, Entitlement, Reason, Verdict, is_adult
from contacts.facts import GuardianCase, StudentCase, load_cases
from contacts.facts_sql import main_school, not_over
from contacts.page_rule import Sight, sight
from contacts.people import full_name, short_name
from contacts.protection import may_be_protected
from contacts.tables import (
    CONSENT,
    ENROLMENT,
    GUARDIANSHIP,
    MEMBERSHIP,
    PERSON,
    SCHOOL,
    STUDENT,
    STUDENT_GROUP,
)

# Who decides for a minor, as far as the sources know: they may learn whom else the school tells on a decision.
_DECIDE = frozenset({Reason.CUSTODY, Reason.FOSTER, Reason.APPOINTED, Reason.SCHOOL_REGISTER})
_NO_LINK = ANSWERS[Reason.NO_CUSTODY]
# No contact point is loaded here, so that none can be stale.
_NO_POINTS = 0


@dataclass(frozen=True, slots=True)
class StudentPage:
    """A student whose page the guardian sees. `schools`: the main one first. `student_id` is for the program alone.

    `contact_persons`: given name and initial of those whom a documented decision made contact persons.
    """

    student_id: int
    name: str = field(repr=False)
    schools: tuple[str, ...]
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    contact_persons: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToldAbout:
    """An adult student who lets the guardian be told in alerts, and see no page."""

    short_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GuardianView:
    """All that a guardian sees on the day `on`, beside their own addresses and the alerts that they received.

    `language`: in which they get messages, None where it is each school's own. `students` and `told_about` by name.
    `guardian_id` is for the program alone.
    """

    guardian_id: int
    on: date
    language: str | None
    students: tuple[StudentPage, ...]
    told_about: tuple[ToldAbout, ...]


def guardian_view(connection: Connection, guardian_id: int, on: date) -> GuardianView:
    """What the guardian sees on the day `on` in Oslo. A dozen queries at most, whatever the store holds."""
    cases = _cases(connection, _linked(connection, guardian_id, on), on, ConsentPurpose.PORTAL)
    pages: list[StudentCase] = []
    others: dict[int, StudentCase] = {}
    for case in cases:
        if _answer(case, guardian_id, on).verdict is Verdict.ENTITLED:
            pages.append(case)
        else:
            others[case.student_id] = case
    named = [
        case.student_id
        for case in _cases(connection, list(others), on, ConsentPurpose.ALERTS)
        if sight(case.facts, _answer(others[case.student_id], guardian_id, on), _answer(case, guardian_id, on))
        is Sight.NAME
    ]
    contacts = {case.student_id: _contact_persons(case, guardian_id, on) for case in pages}
    students = [case.student_id for case in pages]
    names = _names(connection, {*students, *named, *(one for found in contacts.values() for one in found)})
    schools = _schools(connection, students, on)
    classes, groups = (_groups(connection, students, on, home=home) for home in (True, False))
    shown = [
        StudentPage(
            one,
            full_name(*names[one].parts),
            schools.get(one, ()),
            classes.get(one, ()),
            groups.get(one, ()),
            tuple(sorted(names[person].short for person in contacts[one] if not names[person].hidden)),
        )
        for one in students
    ]
    return GuardianView(
        guardian_id,
        on,
        language_of(connection, guardian_id),
        tuple(sorted(shown, key=lambda student: (student.name, student.student_id))),
        tuple(ToldAbout(name) for name in sorted(names[one].short for one in named)),
    )


def language_of(connection: Connection, guardian_id: int) -> str | None:
    """In which language the guardian gets messages; None where it is each school's own."""
    return connection.scalars(select(PERSON.c.language).where(PERSON.c.id == guardian_id)).one_or_none()


def _linked(connection: Connection, guardian_id: int, on: date) -> list[int]:
    """The students at school today whom a guardianship or a consent ever linked to the guardian."""
    links = union(
        select(GUARDIANSHIP.c.student_id).where(GUARDIANSHIP.c.guardian_id == guardian_id),
        select(CONSENT.c.student_id).where(CONSENT.c.guardian_id == guardian_id),
    )
    at_school = select(STUDENT.c.person_id).where(STUDENT.c.person_id.in_(links), not_over(STUDENT.c.left_on))
    return list(connection.scalars(at_school.order_by(STUDENT.c.person_id), {"on": on}))


def _cases(connection: Connection, students: Sequence[int], on: date, purpose: ConsentPurpose) -> Sequence[StudentCase]:
    if not students:
        return ()
    return load_cases(connection, students, on, stale_after_months=_NO_POINTS, with_points=False, purpose=purpose)


def _answer(case: StudentCase, guardian_id: int, on: date) -> Entitlement:
    mine = _mine(case, guardian_id)
    return _NO_LINK if mine is None else case.decide(mine, on)


def _mine(case: StudentCase, guardian_id: int) -> GuardianCase | None:
    return next((one for one in case.guardians if one.guardian_id == guardian_id), None)


def _contact_persons(case: StudentCase, guardian_id: int, on: date) -> tuple[int, ...]:
    """Whom the guardian may know as contact persons of a minor: none but those of a documented decision in force."""
    birth_date = case.facts.birth_date
    assert birth_date is not None  # there is no page without
    if is_adult(birth_date, on) or _answer(case, guardian_id, on).reason not in _DECIDE:
        return ()
    return tuple(
        one.guardian_id
        for one in case.guardians
        if one.guardian_id != guardian_id
        and case.decide(one, on).reason is Reason.DOCUMENTED_CONTACT
        and any(
            link.basis is Basis.CONTACT_PERSON and link.documented and link.valid.covers(on)
            for link in one.guardianships
        )
    )


@dataclass(frozen=True, slots=True)
class _Name:
    parts: tuple[str, str]
    hidden: bool

    @property
    def short(self) -> str:
        return short_name(*self.parts)


def _names(connection: Connection, persons: Collection[int]) -> dict[int, _Name]:
    if not persons:
        return {}
    person = PERSON.c
    rows = connection.execute(
        select(person.id, person.given_name, person.family_name, person.protection, person.protection_unknown).where(
            person.id.in_(sorted(persons))
        )
    )
    return {
        row.id: _Name(
            (row.given_name, row.family_name), may_be_protected(row.protection, unknown=row.protection_unknown)
        )
        for row in rows
    }


def _schools(connection: Connection, students: Sequence[int], on: date) -> Mapping[int, tuple[str, ...]]:
    if not students:
        return {}
    is_main = SCHOOL.c.id == main_school()
    rows = connection.execute(
        select(ENROLMENT.c.student_id, SCHOOL.c.name)
        .select_from(STUDENT)
        .join(ENROLMENT, ENROLMENT.c.student_id == STUDENT.c.person_id)
        .join(SCHOOL, SCHOOL.c.id == ENROLMENT.c.school_id)
        .where(STUDENT.c.person_id.in_(students), not_over(ENROLMENT.c.ended_on))
        .order_by(is_main.desc(), SCHOOL.c.name),
        {"on": on},
    )
    return _by_student((row.student_id, row.name) for row in rows)


def _groups(connection: Connection, students: Sequence[int], on: date, *, home: bool) -> Mapping[int, tuple[str, ...]]:
    """The classes (`home`), or the other groups, of the schools that each student goes to today."""
    if not students:
        return {}
    rows = connection.execute(
        select(MEMBERSHIP.c.student_id, STUDENT_GROUP.c.name)
        .join(STUDENT_GROUP, STUDENT_GROUP.c.id == MEMBERSHIP.c.group_id)
        .join(
            ENROLMENT,
            and_(
                ENROLMENT.c.student_id == MEMBERSHIP.c.student_id,
                ENROLMENT.c.school_id == STUDENT_GROUP.c.school_id,
            ),
        )
        .where(
            MEMBERSHIP.c.student_id.in_(students),
            STUDENT_GROUP.c.home.is_(home),
            not_over(MEMBERSHIP.c.ended_on),
            not_over(ENROLMENT.c.ended_on),
        )
        .order_by(STUDENT_GROUP.c.name),
        {"on": on},
    )
    return _by_student((row.student_id, row.name) for row in rows)


def _by_student(pairs: Iterator[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
    """Each name once (several sources may tell it), in the order given."""
    found: dict[int, dict[str, None]] = {}
    for student_id, name in pairs:
        found.setdefault(student_id, {})[name] = None
    return {student_id: tuple(names) for student_id, names in found.items()}
