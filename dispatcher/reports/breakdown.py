"""What a report on paper shows beside its figures: the course of the alert, its classes, slowest messages, cost.

Each takes one more pass over the alert's rows. The report on the terminal does without them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import Subquery

from config.clock import UtcDateTime, oslo_date
from contacts.facts_sql import not_over
from contacts.protection import maybe_protected
from contacts.tables import MEMBERSHIP, PERSON, SCHOOL, STUDENT_GROUP
from dispatcher.codes import DeliveryState, StudentClass
from dispatcher.reports.classes import CLASS_OF_RANK, ClassCounts, counts_of, students_by_class
from dispatcher.reports.cost import Cost, Prices, cost
from dispatcher.reports.several_cores import use_several_cores
from dispatcher.tables import ALERT_STUDENT, DELIVERY, RECIPIENT
from providers.base import Channel

# Points of a curve, at most; and the lengths in seconds that the step between two of them may have.
_POINTS = 60
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600)
# Slowest messages of each channel.
SLOWEST = 5


class Milestone(StrEnum):
    HAND_OVER = "hand_over"  # the provider had it
    DELIVERY = "delivery"  # the provider said that the phone had it


@dataclass(frozen=True, slots=True)
class Point:
    """`messages` had come so far at most `seconds` after the confirmation: by whole seconds of the clock, so that it is
    never more than had come, and all that had come a second before."""

    seconds: int
    messages: int


@dataclass(frozen=True, slots=True)
class Curve:
    """How many messages of a channel had come so far, from 0 up to all that ever did."""

    channel: Channel
    milestone: Milestone
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class HomeClass:
    """The students of one home class. `hidden`: all those, of whatever class, who are protected, or may be: a place
    in a class would tell where they go to school."""

    school: str | None
    home_class: str | None
    hidden: bool
    classes: ClassCounts


@dataclass(frozen=True, slots=True)
class SlowMessage:
    """`home_classes` of the students whom it is about; none when one of them is protected, or may be (`hidden`)."""

    channel: Channel
    milestone: Milestone
    at: datetime
    seconds: float
    attempts: int
    home_classes: tuple[str, ...]
    hidden: bool


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What only rows of single messages tell: nothing of it is left of an alert that was reduced to figures."""

    curves: tuple[Curve, ...]
    home_classes: tuple[HomeClass, ...]
    slowest: tuple[SlowMessage, ...]
    cost: Cost


def breakdown(connection: Connection, alert_id: int, confirmed_at: datetime | None, prices: Prices) -> Breakdown:
    """Count it. Nothing of an alert that was reduced to figures can be counted any more."""
    use_several_cores(connection)
    if confirmed_at is None:
        return Breakdown((), (), (), cost(connection, alert_id, prices))
    on = oslo_date(confirmed_at)
    return Breakdown(
        curves=_curves(connection, alert_id, confirmed_at),
        home_classes=_home_classes(connection, alert_id, on),
        slowest=_slowest(connection, alert_id, confirmed_at, on),
        cost=cost(connection, alert_id, prices),
    )


# Each milestone's column, and the messages that have come so far.
_REACHED: dict[Milestone, tuple[Column[datetime], ColumnElement[bool]]] = {
    Milestone.HAND_OVER: (DELIVERY.c.accepted_at, DELIVERY.c.accepted_at.is_not(None)),
    Milestone.DELIVERY: (DELIVERY.c.finished_at, DELIVERY.c.state == DeliveryState.DELIVERED),
}


def _curves(connection: Connection, alert_id: int, confirmed_at: datetime) -> tuple[Curve, ...]:
    counted: dict[tuple[Channel, Milestone], dict[int, int]] = {}
    for milestone, (moment, reached) in _REACHED.items():
        second = _whole_second(connection, moment)
        rows = connection.execute(
            select(DELIVERY.c.channel, second.label("second"), func.count().label("messages"))
            .where(DELIVERY.c.alert_id == alert_id, reached)
            .group_by(DELIVERY.c.channel, second)
        )
        for row in rows:
            # The end of that second: by then they had come so far for certain.
            passed = math.ceil((row.second + timedelta(seconds=1) - confirmed_at).total_seconds())
            by_second = counted.setdefault((row.channel, milestone), defaultdict(int))
            by_second[max(passed, 1)] += row.messages
    step = step_of(max((second for by_second in counted.values() for second in by_second), default=1))
    return tuple(
        Curve(channel, milestone, points_of(counted[channel, milestone], step))
        for channel in Channel
        for milestone in Milestone
        if (channel, milestone) in counted
    )


def _whole_second(connection: Connection, moment: Column[datetime]) -> ColumnElement[Any]:
    """The second that a moment is in, as a moment: a curve needs no more, and a database groups it fast."""
    if connection.dialect.name == "postgresql":
        return func.date_trunc("second", moment, type_=UtcDateTime())
    return func.substr(moment, 1, 19, type_=UtcDateTime())  # "2026-11-23 07:40:12", without the fraction


def step_of(last: int) -> int:
    """The step in seconds with which a curve that ends at second `last` has few enough points (pure)."""
    return next((step for step in _STEPS if last <= step * _POINTS), -(-last // _POINTS))


def points_of(by_second: dict[int, int], step: int) -> tuple[Point, ...]:
    """The curve of so many messages in each second, every `step` seconds until the last has come (pure)."""
    points = [Point(0, 0)]
    last = -(-max(by_second, default=0) // step) * step
    seconds = iter(sorted(by_second))
    following = next(seconds, None)
    up_to = 0
    for end in range(step, last + 1, step):
        while following is not None and following <= end:
            up_to += by_second[following]
            following = next(seconds, None)
        points.append(Point(end, up_to))
    return tuple(points)


def _homes(students: Any) -> Subquery:
    """SQL for student_id, school, home_class, hidden of these students (a SELECT of ids, or ids); parameter: on.

    Of two classes it is the first by name, as on the call list.
    """
    place = func.row_number().over(
        partition_by=MEMBERSHIP.c.student_id, order_by=(STUDENT_GROUP.c.name, STUDENT_GROUP.c.id)
    )
    groups = (
        select(MEMBERSHIP.c.student_id, STUDENT_GROUP.c.name, STUDENT_GROUP.c.school_id, place.label("place"))
        .join(STUDENT_GROUP, STUDENT_GROUP.c.id == MEMBERSHIP.c.group_id)
        .where(MEMBERSHIP.c.student_id.in_(students), STUDENT_GROUP.c.home, not_over(MEMBERSHIP.c.ended_on))
        .subquery("groups")
    )
    return (
        select(
            PERSON.c.id.label("student_id"),
            SCHOOL.c.name.label("school"),
            groups.c.name.label("home_class"),
            maybe_protected().label("hidden"),
        )
        .select_from(
            PERSON.outerjoin(groups, (groups.c.student_id == PERSON.c.id) & (groups.c.place == 1)).outerjoin(
                SCHOOL, SCHOOL.c.id == groups.c.school_id
            )
        )
        .where(PERSON.c.id.in_(students))
        .subquery("homes")
    )


def _home_classes(connection: Connection, alert_id: int, on: date) -> tuple[HomeClass, ...]:
    classes = students_by_class(alert_id).subquery("classes")
    homes = _homes(select(ALERT_STUDENT.c.student_id).where(ALERT_STUDENT.c.alert_id == alert_id))
    keys = (homes.c.school, homes.c.home_class, homes.c.hidden, classes.c.rank)
    rows = connection.execute(
        select(*keys, func.count().label("students"))
        .join_from(homes, classes, classes.c.student_id == homes.c.student_id)
        .group_by(*keys),
        {"on": on},
    )
    found: dict[tuple[bool, str | None, str | None], Counter[StudentClass]] = defaultdict(Counter)
    for row in rows:
        key = (True, None, None) if row.hidden else (False, row.school, row.home_class)
        found[key][CLASS_OF_RANK[row.rank]] += row.students
    return tuple(
        HomeClass(school, name, hidden, counts_of(counts))
        for (hidden, school, name), counts in sorted(found.items(), key=lambda item: _class_order(*item[0]))
    )


def _class_order(hidden: bool, school: str | None, name: str | None) -> tuple[bool, bool, str, str]:
    return hidden, name is None, school or "", name or ""


def _slowest(connection: Connection, alert_id: int, confirmed_at: datetime, on: date) -> tuple[SlowMessage, ...]:
    """Of SMS those that were last to be delivered, of e-mails, of which no receipt tells, last to be handed over."""
    found: list[tuple[Milestone, Any]] = []
    for channel, milestone in ((Channel.SMS, Milestone.DELIVERY), (Channel.EMAIL, Milestone.HAND_OVER)):
        moment, reached = _REACHED[milestone]
        rows = connection.execute(
            select(DELIVERY.c.id, DELIVERY.c.channel, DELIVERY.c.attempt, moment.label("at"))
            .where(DELIVERY.c.alert_id == alert_id, DELIVERY.c.channel == channel, reached)
            .order_by(moment.desc(), DELIVERY.c.id)
            .limit(SLOWEST)
        )
        found += [(milestone, row) for row in rows]
    about = _about(connection, [row.id for _milestone, row in found], on)
    return tuple(
        SlowMessage(
            channel=row.channel,
            milestone=milestone,
            at=row.at,
            seconds=round((row.at - confirmed_at).total_seconds(), 3),
            attempts=row.attempt,
            home_classes=_names(about[row.id]),
            hidden=any(hidden for _name, hidden in about[row.id]),
        )
        for milestone, row in found
    )


def _about(connection: Connection, deliveries: Sequence[int], on: date) -> dict[int, list[tuple[str | None, bool]]]:
    """Of each of these few messages the class of every student whom it is about, and whether they are hidden."""
    recipients = connection.execute(
        select(RECIPIENT.c.delivery_id, RECIPIENT.c.student_id).where(
            RECIPIENT.c.delivery_id.in_(deliveries), RECIPIENT.c.unlinked_at.is_(None)
        )
    ).all()
    homes = _homes([row.student_id for row in recipients])
    of_student = {row.student_id: row for row in connection.execute(select(homes), {"on": on})}
    about: dict[int, list[tuple[str | None, bool]]] = defaultdict(list)
    for row in recipients:
        home = of_student[row.student_id]
        about[row.delivery_id].append((home.home_class, bool(home.hidden)))
    return about


def _names(about: Iterable[tuple[str | None, bool]]) -> tuple[str, ...]:
    # A protected student's brother or sister would tell where they go to school.
    listed = list(about)
    return () if any(hidden for _name, hidden in listed) else tuple(sorted({name for name, _hidden in listed if name}))
