"""The one class that each student of an alert is in (promise 2), for one student and for all of an alert at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, Select, and_, case, func, literal, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from contacts.entitlement import Verdict
from dispatcher.codes import DeliveryState, StudentClass
from dispatcher.outbox.confirmed import CONFIRMING, in_force, is_confirmation
from dispatcher.reports.several_cores import use_several_cores
from dispatcher.tables import ALERT, ALERT_STUDENT, ANSWER, DECISION, DELIVERY, MARK, RECIPIENT

MAYBE_READ = frozenset({DeliveryState.ACCEPTED, DeliveryState.UNKNOWN})
UNDER_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DEFERRED)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is on record about one student of an alert.

    `planned`: planning has come to the student. `states`: of the deliveries still linked to the student. `verdicts`:
    of the decisions that nothing superseded; of the one without a guardian too, when nobody is registered. `answered`:
    one of those deliveries was confirmed by an answer, whatever the provider says of it. `marked`: staff have reached
    somebody by telephone, and not taken it back.
    """

    planned: bool
    states: frozenset[DeliveryState] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()
    answered: bool = False
    marked: bool = False


def student_class(standing: Standing) -> StudentClass:
    """The class of a student; what says most about somebody having been told wins.

    A student whom planning has not come to is unreached, in an alert that was stopped as well: nobody has asked yet
    whether anybody may be told, and "nobody may be told" would hide it.
    """
    if standing.answered or standing.marked or CONFIRMING in standing.states:
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


@dataclass(frozen=True, slots=True)
class StudentsByClass:
    """All students of an alert, read once. `to_call`: the ids of those whom nobody was reached for, each with its class
    and whether planning has come to it, in no order."""

    counts: ClassCounts
    to_call: Mapping[int, tuple[StudentClass, bool]]


def class_counts(connection: Connection, alert_id: int) -> ClassCounts:
    """How many students of the alert are in each class."""
    use_several_cores(connection)
    classes = students_by_class(alert_id).subquery()
    rows = connection.execute(select(classes.c.rank, func.count()).group_by(classes.c.rank))
    return counts_of({CLASS_OF_RANK[rank]: count for rank, count in rows})


def read_classes(connection: Connection, alert_id: int, *, settled_only: bool = False) -> StudentsByClass:
    """The counts, and whom to call about. It takes as long as the counts alone: a large alert is aggregated once.

    `settled_only`: not to be called about while planning or a message is still under way.
    """
    use_several_cores(connection)
    classes = students_by_class(alert_id, with_under_way=settled_only).subquery("classes")
    nobody = classes.c.rank.in_([RANK_OF_CLASS[StudentClass.UNREACHED], RANK_OF_CLASS[StudentClass.HELD]])
    settled = and_(classes.c.planned, classes.c.under_way == 0)
    student_id = case((and_(nobody, settled) if settled_only else nobody, classes.c.student_id)).label("student_id")
    keys = (classes.c.rank, classes.c.planned, student_id)
    counts: Counter[StudentClass] = Counter()
    to_call: dict[int, tuple[StudentClass, bool]] = {}
    for rank, planned, student, count in connection.execute(select(*keys, func.count()).group_by(*keys)):
        name = CLASS_OF_RANK[rank]
        counts[name] += count
        if student is not None:
            to_call[student] = (name, planned)
    return StudentsByClass(counts_of(counts), to_call)


def counts_of(counts: Mapping[StudentClass, int]) -> ClassCounts:
    """The counts with their sums; a class that is not named has no students."""
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


def students_by_class(alert_id: int, *, with_under_way: bool = False, only: int | None = None) -> Select[Any]:
    """SQL for all students of an alert: student_id, position, planned, rank (see `CLASS_OF_RANK`), under_way.

    Says the same as `student_class`; under_way is 1 for students to whom a message is still under way; looked for only
    when `with_under_way`, and 0 otherwise. `only`: this one student alone, which costs no pass over the alert.
    """

    def given(student_id: Column[Any]) -> tuple[ColumnElement[bool], ...]:
        return () if only is None else (student_id == only,)

    telling = [CONFIRMING, *sorted(MAYBE_READ)]
    under_way = case((DELIVERY.c.state.in_(UNDER_WAY), 1), else_=0) if with_under_way else _NOTHING
    listed = select(
        ALERT_STUDENT.c.student_id,
        ALERT_STUDENT.c.position,
        _NOTHING.label("told"),
        _NOTHING.label("verdict"),
        _NOTHING.label("under_way"),
    ).where(ALERT_STUDENT.c.alert_id == alert_id, *given(ALERT_STUDENT.c.student_id))
    told = (
        select(RECIPIENT.c.student_id, _NOTHING, _told_rank(), _NOTHING, under_way)
        .join(DELIVERY, DELIVERY.c.id == RECIPIENT.c.delivery_id)
        .where(
            DELIVERY.c.alert_id == alert_id,
            DELIVERY.c.state.in_([*telling, *UNDER_WAY] if with_under_way else telling),
            RECIPIENT.c.unlinked_at.is_(None),
            *given(RECIPIENT.c.student_id),
        )
    )
    answered = (
        select(RECIPIENT.c.student_id, _NOTHING, literal(_FOR_CERTAIN, Integer), _NOTHING, _NOTHING)
        .join(ANSWER, ANSWER.c.delivery_id == RECIPIENT.c.delivery_id)
        .where(
            is_confirmation(alert_id),
            RECIPIENT.c.unlinked_at.is_(None),
            *given(RECIPIENT.c.student_id),
        )
    )
    marked = select(MARK.c.student_id, _NOTHING, literal(_FOR_CERTAIN, Integer), _NOTHING, _NOTHING).where(
        in_force(alert_id), *given(MARK.c.student_id)
    )
    decided = select(DECISION.c.student_id, _NOTHING, _NOTHING, _verdict_rank(), _NOTHING).where(
        DECISION.c.alert_id == alert_id,
        DECISION.c.superseded.is_(False),
        DECISION.c.verdict.in_([Verdict.ENTITLED, Verdict.HELD]),
        *given(DECISION.c.student_id),
    )
    # One heap of rows, aggregated once. Joined student by student instead, a large alert took minutes wherever the
    # database had no statistics of it yet, as in the first minute of the first one.
    known = union_all(listed, told, answered, marked, decided).subquery("known")
    one = (
        select(
            known.c.student_id,
            *(func.max(known.c[name]).label(name) for name in ("position", "told", "verdict", "under_way")),
        )
        .group_by(known.c.student_id)
        .subquery("one")
    )
    cursor = select(ALERT.c.cursor).where(ALERT.c.id == alert_id).scalar_subquery()
    planned = one.c.position <= cursor
    rank = case(
        (one.c.told == _FOR_CERTAIN, _rank(StudentClass.CONFIRMED)),
        (one.c.told == 1, _rank(StudentClass.HANDED_OVER)),
        (~planned, _rank(StudentClass.UNREACHED)),
        (one.c.verdict == 2, _rank(StudentClass.UNREACHED)),
        (one.c.verdict == 1, _rank(StudentClass.HELD)),
        else_=_rank(StudentClass.NOBODY_MAY_BE_TOLD),
    )
    return select(one.c.student_id, one.c.position, planned.label("planned"), rank.label("rank"), one.c.under_way)


_NOTHING = literal(0, Integer)
# How surely somebody was told; 1 where a provider has the message, or may have it.
_FOR_CERTAIN = 2


def _rank(name: StudentClass) -> ColumnElement[int]:
    return literal(RANK_OF_CLASS[name], Integer)


def _told_rank() -> ColumnElement[int]:
    return case(
        (DELIVERY.c.state == CONFIRMING, _FOR_CERTAIN),
        (DELIVERY.c.state.in_(sorted(MAYBE_READ)), 1),
        else_=0,
    )


def _verdict_rank() -> ColumnElement[int]:
    return case((DECISION.c.verdict == Verdict.ENTITLED, 2), else_=1)
