"""The one class that each student of an alert is in (promise 2), for one student and for all of an alert at once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Integer, Select, and_, case, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from contacts.entitlement import Verdict
from dispatcher.codes import DeliveryState, StudentClass
from dispatcher.tables import ALERT, ALERT_STUDENT, DECISION, DELIVERY, RECIPIENT

MAYBE_READ = frozenset({DeliveryState.ACCEPTED, DeliveryState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is on record about one student of an alert.

    `planned`: planning has come to the student. `states`: of the deliveries still linked to the student. `verdicts`:
    of the decisions that nothing superseded; of the one without a guardian too, when nobody is registered.
    """

    planned: bool
    states: frozenset[DeliveryState] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()


def student_class(standing: Standing) -> StudentClass:
    """The class of a student; what says most about somebody having been told wins.

    A student whom planning has not come to is unreached, in an alert that was stopped as well: nobody has asked yet
    whether anybody may be told, and "nobody may be told" would hide it.
    """
    if DeliveryState.DELIVERED in standing.states:
        return StudentClass.CONFIRMED
    if standing.states & MAYBE_READ:
        return StudentClass.HANDED_OVER
    if not standing.planned or Verdict.ENTITLED in standing.verdicts:
        return StudentClass.UNREACHED
    if Verdict.HELD in standing.verdicts:
        return StudentClass.HELD
    return StudentClass.NOBODY_MAY_BE_TOLD


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Students by class. `nobody_reached`, the first number of every report, is unreached + held."""

    nobody_reached: int
    unreached: int
    held: int
    handed_over: int
    confirmed: int
    nobody_may_be_told: int
    students: int


def class_counts(connection: Connection, alert_id: int) -> ClassCounts:
    """How many students of the alert are in each class."""
    classes = students_by_class(alert_id).subquery()
    rows = connection.execute(select(classes.c.rank, func.count()).group_by(classes.c.rank))
    counts = {CLASS_OF_RANK[rank]: count for rank, count in rows}
    unreached, held = counts.get(StudentClass.UNREACHED, 0), counts.get(StudentClass.HELD, 0)
    return ClassCounts(
        nobody_reached=unreached + held,
        unreached=unreached,
        held=held,
        handed_over=counts.get(StudentClass.HANDED_OVER, 0),
        confirmed=counts.get(StudentClass.CONFIRMED, 0),
        nobody_may_be_told=counts.get(StudentClass.NOBODY_MAY_BE_TOLD, 0),
        students=sum(counts.values()),
    )


# As numbers in SQL: they sort in the order of a call list, and compare faster than texts.
RANK_OF_CLASS = {
    StudentClass.UNREACHED: 1,
    StudentClass.HELD: 2,
    StudentClass.HANDED_OVER: 3,
    StudentClass.CONFIRMED: 4,
    StudentClass.NOBODY_MAY_BE_TOLD: 5,
}
CLASS_OF_RANK = {rank: name for name, rank in RANK_OF_CLASS.items()}


def students_by_class(alert_id: int) -> Select[tuple[int, int, bool, int]]:
    """SQL for all students of an alert: student_id, position, planned, rank (see `CLASS_OF_RANK`).

    Says the same as `student_class`; aggregates the alert's deliveries once and its decisions once.
    """
    told = (
        select(RECIPIENT.c.student_id, func.max(_told_rank()).label("told"))
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(
            DELIVERY.c.alert_id == alert_id,
            DELIVERY.c.state.in_([DeliveryState.DELIVERED, *sorted(MAYBE_READ)]),
            RECIPIENT.c.unlinked_at.is_(None),
        )
        .group_by(RECIPIENT.c.student_id)
        .subquery("told")
    )
    decided = (
        select(DECISION.c.student_id, func.max(_verdict_rank()).label("verdict"))
        .where(
            DECISION.c.alert_id == alert_id,
            DECISION.c.superseded.is_(False),
            DECISION.c.verdict.in_([Verdict.ENTITLED, Verdict.HELD]),
        )
        .group_by(DECISION.c.student_id)
        .subquery("decided")
    )
    planned = ALERT_STUDENT.c.position <= ALERT.c.cursor
    rank = case(
        (told.c.told == 2, _rank(StudentClass.CONFIRMED)),
        (told.c.told == 1, _rank(StudentClass.HANDED_OVER)),
        (~planned, _rank(StudentClass.UNREACHED)),
        (decided.c.verdict == 2, _rank(StudentClass.UNREACHED)),
        (decided.c.verdict == 1, _rank(StudentClass.HELD)),
        else_=_rank(StudentClass.NOBODY_MAY_BE_TOLD),
    )
    return (
        select(ALERT_STUDENT.c.student_id, ALERT_STUDENT.c.position, planned.label("planned"), rank.label("rank"))
        .select_from(
            ALERT_STUDENT.join(ALERT, ALERT.c.id == ALERT_STUDENT.c.alert_id)
            .outerjoin(told, told.c.student_id == ALERT_STUDENT.c.student_id)
            .outerjoin(decided, decided.c.student_id == ALERT_STUDENT.c.student_id)
        )
        .where(and_(ALERT_STUDENT.c.alert_id == alert_id))
    )


def _rank(name: StudentClass) -> ColumnElement[int]:
    return literal(RANK_OF_CLASS[name], Integer)


def _told_rank() -> ColumnElement[int]:
    return case((DELIVERY.c.state == DeliveryState.DELIVERED, 2), else_=1)


def _verdict_rank() -> ColumnElement[int]:
    return case((DECISION.c.verdict == Verdict.ENTITLED, 2), else_=1)
