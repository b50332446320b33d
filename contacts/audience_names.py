"""From the names of schools, groups, grades and students, as somebody types them, to the audience that they mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, TypeAlias

from sqlalchemy import Connection, select

from config.errors import UsageError
from contacts.audience import Audience, AudienceGroup, AudienceSchool, AudienceStudent, all_schools, goes_on
from contacts.people import find_student
from contacts.tables import ENROLMENT, SCHOOL, STUDENT, STUDENT_GROUP

UNCHANGED = "Nothing was sent or changed."


NameKind: TypeAlias = Literal["school", "group", "grade"]


class UnknownNameError(UsageError):
    """Nothing of this kind has the name that was given. `like`: names that do exist, those like it if there are any."""

    def __init__(self, kind: NameKind, like: Sequence[str], hint: str) -> None:
        super().__init__(f"No {kind} here has the name that was given.", unchanged=UNCHANGED, remedy=hint)
        self.kind = kind
        self.like = tuple(like)


def resolve_audience(
    connection: Connection,
    *,
    schools: Sequence[str] = (),
    groups: Sequence[str] = (),
    grades: Sequence[str] = (),
    students: Sequence[str] = (),
    on: date,
) -> Audience:
    """What these names and refs mean on the day `on`; capitals do not matter.

    Raises UsageError when nothing is named, a name is unknown (with those like it) or means several things, and when
    a named student is no longer at any school.
    """
    if not (schools or groups or grades or students):
        raise UsageError(
            "The alert has no audience.",
            unchanged=UNCHANGED,
            remedy="Name it with --school, --group, --grade or --student.",
        )
    found_schools = _schools(connection, schools)
    return Audience(
        found_schools,
        _groups(connection, groups, found_schools),
        _grades(connection, grades, found_schools, on),
        tuple(dict.fromkeys(_student(connection, ref, on) for ref in students)),
    )


def find_school(connection: Connection, name: str) -> AudienceSchool:
    """The school with this name or ref. Raises UsageError with those like it."""
    return _schools(connection, (name,))[0]


def _schools(connection: Connection, wanted: Sequence[str]) -> tuple[AudienceSchool, ...]:
    if not wanted:
        return ()
    known = all_schools(connection)
    found: dict[AudienceSchool, None] = {}
    for name in wanted:
        key = _key(name)
        matches = [one for one in known if _key(one.ref) == key] or [one for one in known if _key(one.name) == key]
        if not matches:
            raise _unknown("school", name, (one.name for one in known))
        if len(matches) > 1:
            raise UsageError(
                f'Several schools have the name "{matches[0].name}".',
                unchanged=UNCHANGED,
                remedy=f"Name the one you mean by its ref: {', '.join(one.ref for one in matches)}.",
            )
        found[matches[0]] = None
    return tuple(found)


def _groups(
    connection: Connection, wanted: Sequence[str], schools: tuple[AudienceSchool, ...]
) -> tuple[AudienceGroup, ...]:
    if not wanted:
        return ()
    query = select(STUDENT_GROUP.c.id, STUDENT_GROUP.c.name, STUDENT_GROUP.c.school_id, STUDENT_GROUP.c.ref)
    if schools:
        query = query.where(STUDENT_GROUP.c.school_id.in_([school.id for school in schools]))
    rows = connection.execute(query.order_by(STUDENT_GROUP.c.id)).all()
    found: dict[AudienceGroup, None] = {}
    for name in wanted:
        key = _key(name)
        matches = [AudienceGroup(*row[:3]) for row in rows if key in (_key(row.name), _key(row.ref))]
        if not matches:
            raise _unknown("group", name, (row.name for row in rows))
        school_ids = {match.school_id for match in matches}
        if not schools and len(school_ids) > 1:
            names = connection.scalars(select(SCHOOL.c.name).where(SCHOOL.c.id.in_(school_ids)).order_by(SCHOOL.c.name))
            raise UsageError(
                f'Several schools have a group "{matches[0].name}": {", ".join(names)}.',
                unchanged=UNCHANGED,
                remedy="Name the school too, with --school.",
            )
        found.update(dict.fromkeys(matches))
    return tuple(found)


def _grades(
    connection: Connection, wanted: Sequence[str], schools: tuple[AudienceSchool, ...], on: date
) -> tuple[str, ...]:
    if not wanted:
        return ()
    query = select(ENROLMENT.c.grade).where(ENROLMENT.c.grade.is_not(None), goes_on(ENROLMENT.c.ended_on, on))
    if schools:
        query = query.where(ENROLMENT.c.school_id.in_([school.id for school in schools]))
    known = sorted(connection.scalars(query.distinct()))
    found: dict[str, None] = {}
    for name in wanted:
        matches = [grade for grade in known if _key(grade) == _key(name)]
        if not matches:
            raise _unknown("grade", name, known)
        found.update(dict.fromkeys(matches))
    return tuple(found)


def _student(connection: Connection, ref: str, on: date) -> AudienceStudent:
    person = find_student(connection, ref)
    goes = select(STUDENT.c.person_id).where(STUDENT.c.person_id == person.id, goes_on(STUDENT.c.left_on, on))
    if person.deceased or connection.execute(goes).first() is None:
        raise UsageError(
            f"Student {person.label} is no longer at a school.",
            unchanged=UNCHANGED,
            remedy="Leave this student out.",
        )
    return AudienceStudent(person.id, person.label)


def _unknown(kind: NameKind, name: str, known: Iterable[str]) -> UnknownNameError:
    spelled = {_key(one): one for one in known}
    near = [spelled[key] for key in difflib.get_close_matches(_key(name), spelled, n=5, cutoff=0.5)]
    listed = near or sorted(spelled.values())[:5]
    hint = f"{'Like it' if near else 'There are'}: {', '.join(listed)}." if listed else f"No {kind} has been imported."
    # The name itself is not repeated: it may have been a person's, given to the wrong option.
    return UnknownNameError(kind, listed, hint)


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
