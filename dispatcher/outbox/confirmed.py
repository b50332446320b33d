"""What counts as confirmed: one definition, for the classes of students as for what follows for a guardian.

A message has arrived for certain when its provider says so, or when it was answered, whatever the provider says. And
somebody has it for certain whom staff have reached by telephone, as long as their mark is not taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from dispatcher.codes import AnswerKind, DeliveryState
from dispatcher.tables import ANSWER, MARK

CONFIRMING: Final = DeliveryState.DELIVERED


def is_confirmation(alert_id: int) -> ColumnElement[bool]:
    """SQL, true for an answer that confirms a message of the alert."""
    return and_(ANSWER.c.alert_id == alert_id, ANSWER.c.kind == AnswerKind.CONFIRMATION)


def in_force(alert_id: int) -> ColumnElement[bool]:
    """SQL, true for a mark of the alert that counts. Each confirms the student whom it is about."""
    return and_(MARK.c.alert_id == alert_id, MARK.c.taken_back_at.is_(None))


def reached_by_telephone(connection: Connection, alert_id: int, about: Mapping[int, Collection[int]]) -> set[int]:
    """Those of the guardians to whom nothing need be sent any more: they were reached themselves, or somebody at the
    home of a student about whom they are told. `about`: by guardian, those students. A few hundred at a time."""
    students = {student for own in about.values() for student in own}
    at_home = and_(MARK.c.guardian_id.is_(None), MARK.c.student_id.in_(students))
    rows = connection.execute(
        select(MARK.c.student_id, MARK.c.guardian_id).where(
            in_force(alert_id), or_(MARK.c.guardian_id.in_(about), at_home)
        )
    ).all()
    guardians = {row.guardian_id for row in rows}
    homes = {row.student_id for row in rows if row.guardian_id is None}
    return {guardian for guardian, own in about.items() if guardian in guardians or homes & set(own)}
