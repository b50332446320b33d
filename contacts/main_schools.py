"""Which of several schools is a student's main one: what the sources say, unless somebody here said otherwise.

The main school speaks to the guardians about everything that is not tied to a place. An alert about a place goes to
all who are there: the audience of a school is everybody who goes to it, whichever is their main one.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select, update

from config.audit import record_act
from config.errors import UsageError
from contacts.acts import Act
from contacts.audience import AudienceSchool
from contacts.facts_sql import not_over
from contacts.people import FoundPerson
from contacts.tables import ENROLMENT, STUDENT


def set_main_school(
    connection: Connection, student: FoundPerson, school: AudienceSchool, *, today: date, operator: str
) -> Act:
    """Record that `school` is the student's main one, for as long as they go there, whatever the sources say.

    Raises UsageError when the student does not go there today, or is protected or may be: any answer would tell where
    they go.
    """
    _may_be_shown(student)
    goes = select(ENROLMENT.c.school_id).where(
        ENROLMENT.c.student_id == student.id, ENROLMENT.c.school_id == school.id, not_over(ENROLMENT.c.ended_on)
    )
    if connection.execute(goes, {"on": today}).first() is None:
        raise UsageError(
            f"Student {student.label} does not go to {school.name} today.",
            remedy="A main school is one of those the student goes to: import the enrolment first.",
        )
    return _set(connection, student, school.id, f"is {school.name}", operator)


def forget_main_school(connection: Connection, student: FoundPerson, *, operator: str) -> Act:
    """Let the sources decide again which school is the main one. Raises UsageError as `set_main_school` does."""
    _may_be_shown(student)
    return _set(connection, student, None, "is what the sources say", operator)


def _may_be_shown(student: FoundPerson) -> None:
    if student.protection.protected or student.protection_unknown:
        raise UsageError(
            f"Student {student.label} is protected, or may be: where they go to school is not told here.",
            remedy="Which school is the main one comes from the sources alone.",
        )


def _set(connection: Connection, student: FoundPerson, school_id: int | None, what: str, operator: str) -> Act:
    mine = STUDENT.c.person_id == student.id
    if connection.execute(select(STUDENT.c.main_school_id).where(mine)).scalar() == school_id:
        return Act(False, f"The main school of student {student.label} {what} already: nothing was changed.")
    connection.execute(update(STUDENT).where(mine).values(main_school_id=school_id))
    record_act(
        connection,
        operator=operator,
        act="student.main_school",
        subject=f"student {student.label}",
        # Not what people call it: the student may be protected one day, and what stands in this log stays.
        details={"school_id": school_id},
    )
    return Act(True, f"The main school of student {student.label} {what}.")
