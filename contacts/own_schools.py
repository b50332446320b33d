"""A school leader's own schools: which they are, and whom of the store they may therefore look at or tell about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, select

from config.errors import UsageError
from config.operators import Operator
from config.roles import Reach
from contacts.audience import Audience, AudienceSchool, attending
from contacts.audience_names import find_school
from contacts.people import FoundPerson
from contacts.tables import ENROLMENT


def own_schools(connection: Connection, operator: Operator) -> tuple[AudienceSchool, ...]:
    """The operator's own schools that are in the store. What the settings name beside them is for doctor to tell."""
    found: dict[AudienceSchool, None] = {}
    for name in operator.schools:
        try:
            found[find_school(connection, name)] = None
        except UsageError:  # not imported yet, or a name that several have
            continue
    return tuple(found)


def schools_to_look_at(connection: Connection, operator: Operator, named: str | None) -> Sequence[AudienceSchool]:
    """The school that is named, else the operator's own; none at all for those who may look at every school.

    Raises NotPermittedError when the named one is not theirs, or none of theirs is in the store.
    """
    wanted = (find_school(connection, named),) if named else ()
    if operator.reach is Reach.EVERYTHING:
        return wanted
    own = own_schools(connection, operator)
    if not own or not set(wanted) <= set(own):
        operator.refuse("This is not your school." if own else "None of your schools is in the store.")
    return wanted or own


def check_student(connection: Connection, operator: Operator, student: FoundPerson, on: date) -> None:
    """Raises NotPermittedError for a student who does not go to a school of the operator's on the day `on`."""
    if operator.reach is Reach.EVERYTHING:
        return
    goes = attending(own_schools(connection, operator), on).where(ENROLMENT.c.student_id == student.id)
    if connection.execute(goes).first() is None:
        operator.refuse(f"Student {student.label} does not go to your school.")


def may_tell(connection: Connection, operator: Operator, audience: Audience, on: date) -> bool:
    """Whether the operator may send an alert to `audience`: all its students go to a school of theirs.

    Somebody who goes to two schools belongs to both.
    """
    if operator.reach is not Reach.THEIR_SCHOOLS:
        return operator.reach is Reach.EVERYTHING
    chosen = audience.select_ids(on).subquery()
    own = attending(own_schools(connection, operator), on)
    others = select(chosen.c.person_id).where(chosen.c.person_id.not_in(own)).limit(1)
    return connection.execute(others).first() is None


def check_audience(connection: Connection, operator: Operator, audience: Audience, on: date) -> None:
    """Raises NotPermittedError when the operator may not send an alert to `audience`."""
    if not may_tell(connection, operator, audience, on):
        operator.refuse("Not all students of that audience go to your school: name it with --school.")
