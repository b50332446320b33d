"""The audience of an alert: which schools, groups, grades and students it is about, and SQL that selects student ids.

What is named is joined, and each part means what a school leader says with it:

- schools alone: everybody who goes there;
- schools with groups or grades: of those schools, only the students in one of the groups or in one of the grades;
- a group without a school: that group, and a question back when several schools have one of that name;
- a grade without a school: the grade at every school;
- students: those, whatever else is named.

Students who left or died are in no audience.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, union
from sqlalchemy.sql.elements import ColumnElement

from config.errors import UsageError
from contacts.people import find_student
from contacts.protection import maybe_protected
from contacts.tables import ENROLMENT, MEMBERSHIP, PERSON, SCHOOL, STUDENT, STUDENT_GROUP


@dataclass(frozen=True, slots=True)
class AudienceSchool:
    id: int
    ref: str
    name: str
    default_language: str | None = None


@dataclass(frozen=True, slots=True)
class AudienceGroup:
    """A class or group; `school_id` is the school that it is a part of."""

    id: int
    name: str
    school_id: int


@dataclass(frozen=True, slots=True)
class AudienceStudent:
    id: int
    ref: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an alert is about, resolved. `select_ids` is what it means; `as_json` and `headline` are what people see."""

    schools: tuple[AudienceSchool, ...] = ()
    groups: tuple[AudienceGroup, ...] = ()
    grades: tuple[str, ...] = ()
    students: tuple[AudienceStudent, ...] = ()

    @property
    def headline(self) -> str:
        """The audience in one line, narrowest part last: "Eksempel vgs, 2B, grade 3"."""
        parts = [school.name for school in self.schools]
        parts += dict.fromkeys(group.name for group in self.groups)
        parts += [f"grade {grade}" for grade in self.grades]
        if self.students:
            parts.append(f"{len(self.students)} named student{'s' if len(self.students) > 1 else ''}")
        return ", ".join(parts)

    def as_json(self) -> dict[str, object]:
        """The audience as it is recorded: refs and names of schools and groups, refs of students."""
        return {
            "schools": [{"ref": school.ref, "name": school.name} for school in self.schools],
            "groups": [{"id": group.id, "name": group.name} for group in self.groups],
            "grades": list(self.grades),
            "students": [student.ref for student in self.students],
        }

    def select_ids(self, on: date) -> Select[tuple[int]]:
        """SELECT of the ids of the students who are in the audience on the day `on`; each id once."""
        school_ids = [school.id for school in self.schools]
        enrolled = select(ENROLMENT.c.student_id).where(goes_on(ENROLMENT.c.ended_on, on))
        at_schools = enrolled.where(ENROLMENT.c.school_id.in_(school_ids)) if school_ids else enrolled
        parts: list[Select[tuple[int]]] = []
        if self.schools and not (self.groups or self.grades):
            parts.append(at_schools)
        if self.grades:
            parts.append(at_schools.where(ENROLMENT.c.grade.in_(self.grades)))
        if self.groups:
            parts.append(
                select(MEMBERSHIP.c.student_id)
                .join(STUDENT_GROUP, STUDENT_GROUP.c.id == MEMBERSHIP.c.group_id)
                .join(
                    ENROLMENT,
                    and_(
                        ENROLMENT.c.student_id == MEMBERSHIP.c.student_id,
                        ENROLMENT.c.school_id == STUDENT_GROUP.c.school_id,
                    ),
                )
                .where(
                    MEMBERSHIP.c.group_id.in_([group.id for group in self.groups]),
                    goes_on(MEMBERSHIP.c.ended_on, on),
                    goes_on(ENROLMENT.c.ended_on, on),
                )
            )
        if self.students:
            parts.append(
                select(STUDENT.c.person_id).where(STUDENT.c.person_id.in_([student.id for student in self.students]))
            )
        return (
            select(STUDENT.c.person_id)
            .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
            .where(
                PERSON.c.deceased.is_(False),
                goes_on(STUDENT.c.left_on, on),
                STUDENT.c.person_id.in_(union(*parts)),
            )
        )


def recorded_audience(connection: Connection, recorded: Mapping[str, Any]) -> Audience:
    """The audience that `as_json` recorded earlier; without what is no longer in the store."""
    refs = [one["ref"] for one in recorded.get("schools", ())]
    group_ids = [one["id"] for one in recorded.get("groups", ())]
    school, group = SCHOOL.c, STUDENT_GROUP.c
    schools = select(school.id, school.ref, school.name, school.default_language).where(school.ref.in_(refs))
    groups = select(group.id, group.name, group.school_id).where(group.id.in_(group_ids))
    return Audience(
        tuple(AudienceSchool(*row) for row in connection.execute(schools.order_by(school.id))),
        tuple(AudienceGroup(*row) for row in connection.execute(groups.order_by(group.id))),
        tuple(recorded.get("grades", ())),
        tuple(_recorded_students(connection, recorded.get("students", ()))),
    )


def _recorded_students(connection: Connection, refs: Iterable[str]) -> Iterator[AudienceStudent]:
    for ref in refs:
        with contextlib.suppress(UsageError):  # forgotten since
            person = find_student(connection, ref)
            yield AudienceStudent(person.id, person.label)


def schools_of(connection: Connection, students: Select[tuple[int]], on: date) -> list[AudienceSchool]:
    """The schools that the students whose ids this selects go to, by name."""
    chosen = students.subquery()
    (student_id,) = chosen.c
    attended = (
        select(ENROLMENT.c.school_id)
        .distinct()
        .join(chosen, student_id == ENROLMENT.c.student_id)
        .where(goes_on(ENROLMENT.c.ended_on, on))
    )
    rows = connection.execute(
        select(SCHOOL.c.id, SCHOOL.c.ref, SCHOOL.c.name, SCHOOL.c.default_language)
        .where(SCHOOL.c.id.in_(attended))
        .order_by(SCHOOL.c.name, SCHOOL.c.id)
    )
    return [AudienceSchool(*row) for row in rows]


def speaking_schools(
    connection: Connection, audience: Audience, attended: Sequence[AudienceSchool], on: date
) -> list[AudienceSchool]:
    """Those of the `attended` schools that the texts may name: the ones that the operator named, also by a group; and
    for a grade everywhere and for named students those that they go to, but for students who may be protected. Where
    these go is told neither to the operator nor in a message."""
    named = {school.id for school in audience.schools} | {group.school_id for group in audience.groups}
    others = Audience(grades=() if audience.schools else audience.grades, students=audience.students)
    if others.grades or others.students:
        shown = others.select_ids(on).where(~maybe_protected())
        named |= {school.id for school in schools_of(connection, shown, on)}
    return [school for school in attended if school.id in named]


def attending(schools: Sequence[AudienceSchool], on: date) -> Select[tuple[int]]:
    """SELECT of the ids of the students who go to one of these schools on the day `on`."""
    return select(ENROLMENT.c.student_id).where(
        ENROLMENT.c.school_id.in_([school.id for school in schools]), goes_on(ENROLMENT.c.ended_on, on)
    )


def all_schools(connection: Connection) -> list[AudienceSchool]:
    """Every school of the store, in the order in which they came."""
    school = SCHOOL.c
    rows = connection.execute(select(school.id, school.ref, school.name, school.default_language).order_by(school.id))
    return [AudienceSchool(*row) for row in rows]


def goes_on(end: ColumnElement[date], on: date) -> ColumnElement[bool]:
    """SQL: what ends on the day `end`, or has no end yet, goes on on the day `on`."""
    return or_(end.is_(None), end > on)
