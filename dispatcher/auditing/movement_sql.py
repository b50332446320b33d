"""Reading the facts of movement: a look into an index for each alert under way, whatever its size.

Nothing is shared with the statements that do the moving: what those overlook must be seen here. The one sum, over the
rows of progress of what is under way, is the sum that watching makes each second.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, literal, or_, select

from config.clock import UtcDateTime, db_now, plus_seconds
from dispatcher.auditing.movement import AlertFacts, ClaimFacts, Movement, QueueFacts, StepFacts, UnknownFacts
from dispatcher.codes import AlertState, DeliveryState, Lane
from dispatcher.running.presence import SENDING, alive
from dispatcher.tables import ALERT, CHAIN, DELIVERY, PROGRESS
from providers.base import Channel

# How long an alert is audited after its end; and from which age on an unknown fate is told of (as the report does).
ENDED_SECONDS = 86_400.0
LONG_UNKNOWN_SECONDS = 60.0
# Messages whose claims were lost this often are claimed last, one by one.
_CLAIMED_ALONE_FROM = 2
_UNSENT = DELIVERY.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED))
_UNDER_WAY = ALERT.c.state.in_((AlertState.PLANNING, AlertState.OPEN))


def read_movement(connection: Connection, grace: float, *, number: str | None = None) -> Movement:
    """The facts of every alert that has not ended, or has within the last day; and of `number`, however old it is."""
    now: datetime = connection.execute(select(db_now())).scalar_one()
    late = now - timedelta(seconds=grace)
    alerts = _alerts(connection, now, late, number)
    return Movement(
        now=now,
        grace=grace,
        senders=len(alive(connection, SENDING, Lane.ALERTS.value)),
        alerts=alerts,
        queues=_queues(connection, alerts, late),
        claims=_claims(connection, now, late),
        unknown=_unknown(connection, now, late),
        steps=_steps(connection, now, late),
    )


def _moment(value: datetime) -> ColumnElement[datetime]:
    return literal(value, UtcDateTime())


def _alerts(connection: Connection, now: datetime, late: datetime, number: str | None) -> tuple[AlertFacts, ...]:
    # An alert that has ended has nothing unsent, whenever that would expire.
    over = case((_UNDER_WAY, DELIVERY.c.expires_at < _moment(late)), else_=ALERT.c.ended_at < _moment(late))
    left_over = select(func.count()).where(DELIVERY.c.alert_id == ALERT.c.id, _UNSENT, over).scalar_subquery()
    # Of those under way, one look into the index tells that there is none: they may have a hundred thousand unsent.
    first = select(func.min(DELIVERY.c.expires_at)).where(DELIVERY.c.alert_id == ALERT.c.id, _UNSENT).scalar_subquery()
    columns = (
        *(ALERT.c[name] for name in ("id", "number", "status", "state", "cursor", "student_count")),
        # Confirmation fills these. Should it ever not have, nothing of the alert leaves, and that must be seen.
        func.coalesce(ALERT.c.confirmed_at, ALERT.c.created_at).label("confirmed_at"),
        func.coalesce(ALERT.c.hold_until, ALERT.c.created_at).label("hold_until"),
        func.coalesce(ALERT.c.expires_at, plus_seconds(ALERT.c.created_at, ALERT.c.expires_after_seconds)).label(
            "expires_at"
        ),
        *(ALERT.c[name] for name in ("planner_until", "planned_at", "ended_at")),
        case((and_(_UNDER_WAY, or_(first.is_(None), first >= _moment(late))), 0), else_=left_over).label("left_over"),
    )
    recent = ALERT.c.ended_at > _moment(now - timedelta(seconds=ENDED_SECONDS))
    audited = or_(_UNDER_WAY, recent) if number is None else or_(_UNDER_WAY, recent, ALERT.c.number == number)
    rows = connection.execute(select(*columns).where(ALERT.c.number.is_not(None), audited).order_by(ALERT.c.id))
    return tuple(AlertFacts(**row._mapping) for row in rows)


def _queues(connection: Connection, alerts: Sequence[AlertFacts], late: datetime) -> tuple[QueueFacts, ...]:
    """What waits of the alerts under way; and when something last left those that ended a moment ago."""
    numbers = {one.id: one.number for one in alerts if one.under_way or (one.ended_at and one.ended_at > late)}
    rows = connection.execute(
        select(
            PROGRESS.c.alert_id,
            PROGRESS.c.channel,
            func.sum(PROGRESS.c.delta).label("waiting"),
            func.max(PROGRESS.c.at).label("moved_at"),
        )
        .where(PROGRESS.c.alert_id.in_(numbers), PROGRESS.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)))
        .group_by(PROGRESS.c.alert_id, PROGRESS.c.channel)
    )
    moved = {(numbers[row.alert_id], row.channel): row for row in rows}
    found: list[QueueFacts] = []
    for channel in Channel:
        for row in connection.execute(_first_due(channel)):
            known = moved.pop((row.number, channel), None)
            waiting, moved_at = (max(1, int(known.waiting)), known.moved_at) if known else (1, None)
            if row.first_due is not None or moved_at is not None:
                found.append(QueueFacts(row.number, channel, waiting, row.first_due, row.first_usual, moved_at))
    found += (QueueFacts(*key, 0, None, None, row.moved_at) for key, row in moved.items())
    return tuple(found)


def _first_due(channel: Channel) -> Any:
    queue = (DELIVERY.c.alert_id == ALERT.c.id, DELIVERY.c.channel == channel, _UNSENT)
    usual = select(DELIVERY.c.due_at).where(*queue, DELIVERY.c.lost_claims < _CLAIMED_ALONE_FROM)
    return select(
        ALERT.c.number,
        select(func.min(DELIVERY.c.due_at)).where(*queue).scalar_subquery().label("first_due"),
        usual.order_by(DELIVERY.c.due_at).limit(1).scalar_subquery().label("first_usual"),
    ).where(_UNDER_WAY)


def _claims(connection: Connection, now: datetime, late: datetime) -> tuple[ClaimFacts, ...]:
    rows = connection.execute(
        select(
            ALERT.c.number,
            DELIVERY.c.channel,
            _count(DELIVERY.c.lease_until >= _moment(now)).label("good"),
            _count(DELIVERY.c.lease_until < _moment(late)).label("overdue"),
        )
        .select_from(DELIVERY.outerjoin(ALERT, ALERT.c.id == DELIVERY.c.alert_id))
        .where(DELIVERY.c.state == DeliveryState.SENDING)
        .group_by(ALERT.c.number, DELIVERY.c.channel)
    )
    return tuple(ClaimFacts(row.number, row.channel, row.good, row.overdue) for row in rows)


def _steps(connection: Connection, now: datetime, late: datetime) -> tuple[StepFacts, ...]:
    """Counted only where the first has been due for the grace: a look into the index tells that of each alert."""
    own = (CHAIN.c.alert_id == ALERT.c.id, CHAIN.c.next_at.is_not(None))
    first = select(func.min(CHAIN.c.next_at)).where(*own).scalar_subquery()
    due = select(func.count()).where(*own, CHAIN.c.next_at <= _moment(now)).scalar_subquery()
    rows = connection.execute(
        select(ALERT.c.number, due.label("due"), first.label("first_due")).where(
            ALERT.c.state == AlertState.OPEN, first < _moment(late)
        )
    )
    return tuple(StepFacts(row.number, row.due, row.first_due) for row in rows)


def _unknown(connection: Connection, now: datetime, late: datetime) -> tuple[UnknownFacts, ...]:
    """Of all messages whose fate is unknown: those stay few, also over the years."""
    long_ago = _moment(now - timedelta(seconds=LONG_UNKNOWN_SECONDS))
    rows = connection.execute(
        select(
            ALERT.c.number,
            DELIVERY.c.channel,
            _count(DELIVERY.c.claimed_at <= long_ago).label("long"),
            _count(DELIVERY.c.lookup_at.is_(None)).label("for_good"),
            _count(DELIVERY.c.lookup_at < _moment(late)).label("overdue"),
            func.max(DELIVERY.c.lookup_at).label("last_lookup_at"),
        )
        .select_from(DELIVERY.outerjoin(ALERT, ALERT.c.id == DELIVERY.c.alert_id))
        .where(DELIVERY.c.state == DeliveryState.UNKNOWN)
        .group_by(ALERT.c.number, DELIVERY.c.channel)
    )
    return tuple(map(_unknown_facts, rows))


def _unknown_facts(row: Row[Any]) -> UnknownFacts:
    return UnknownFacts(row.number, row.channel, row.long, row.for_good, row.overdue, row.last_lookup_at)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
