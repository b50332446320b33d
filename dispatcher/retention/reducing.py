"""Old alerts become figures, and old routine messages go: in small steps, each of which leaves nothing half said.

First an alert's figures are stored, which from then on are its report. Then its rows go, some thousands at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, insert, literal, or_, select, update

from config.audit import record_act
from config.clock import UtcDateTime, db_now, oslo_date
from config.database import Database
from contacts.tables import CHALLENGE, REMINDER
from dispatcher.codes import AlertState
from dispatcher.outbox.removal import not_the_newest, remove_deliveries
from dispatcher.reports.classes import UNDER_WAY
from dispatcher.reports.counting import report
from dispatcher.reports.reduced import Kept, classes_by_school
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ANSWER,
    CHAIN,
    DECISION,
    DELIVERY,
    FIGURES,
    MARK,
    NOTICE,
    PROGRESS,
    RECEIPT,
)

# Rows that go in one transaction: some hundredths of a second.
_STEP = 2000
_OF_ALERT = (DELIVERY, DECISION, ALERT_STUDENT, PROGRESS, CHAIN, MARK)
_ENDED = (AlertState.CLOSED, AlertState.STOPPED, AlertState.EXPIRED)


def old_alerts(connection: Connection, before: datetime) -> list[int]:
    """The alerts that ended before that moment, and are not figures yet. Left out: one of which something still waits,
    and the newest."""
    waits = exists().where(DELIVERY.c.alert_id == ALERT.c.id, DELIVERY.c.state.in_(UNDER_WAY))
    newest = exists().where(DELIVERY.c.alert_id == ALERT.c.id, ~not_the_newest())
    ended = func.coalesce(ALERT.c.ended_at, ALERT.c.expires_at)
    rows = connection.scalars(
        select(ALERT.c.id)
        .where(ALERT.c.state.in_(_ENDED), ended < literal(before, UtcDateTime()), ~waits, ~newest)
        .where(~exists().where(FIGURES.c.alert_id == ALERT.c.id))
        .order_by(ALERT.c.id)
    )
    return list(rows)


def count_alert(connection: Connection, alert_id: int) -> dict[str, int]:
    """What goes when an alert is reduced to figures."""
    return {
        kind: connection.execute(
            select(func.count()).select_from(table).where(table.c.alert_id == alert_id)
        ).scalar_one()
        for kind, table in (("messages", DELIVERY), ("decisions", DECISION), ("students of alerts", ALERT_STUDENT))
    }


def reduce_alert(database: Database, alert_id: int, *, operator: str) -> None:
    """Store the figures of an alert that has ended, and record it. What they were counted from is still there."""
    with database.read() as connection:
        figures = report(connection, alert_id)
        on = oslo_date(figures.alert.confirmed_at or figures.alert.created_at)
        audience = connection.execute(select(ALERT.c.audience).where(ALERT.c.id == alert_id)).scalar_one()
        schools = classes_by_school(connection, alert_id, on, singled_out=bool(audience.get("students")))
        now = connection.execute(select(db_now())).scalar_one()
    with database.write() as connection:
        row = connection.execute(select(ALERT).where(ALERT.c.id == alert_id).with_for_update()).one()
        known = connection.execute(select(FIGURES.c.alert_id).where(FIGURES.c.alert_id == alert_id)).first()
        if known is not None or row.state not in _ENDED:
            return  # somebody else was at it
        kept = Kept.of(figures, schools, now)
        connection.execute(insert(FIGURES).values(alert_id=alert_id, reduced_at=now, figures=kept.as_json()))
        audience = row.audience | {"students": []}
        connection.execute(update(ALERT).where(ALERT.c.id == alert_id).values(audience=audience))
        record_act(
            connection,
            operator=operator,
            act="alert.reduce",
            subject=f"alert {row.number}",
            details={"students": row.student_count},
        )


def remove_reduced(database: Database, may_go_on: Callable[[], bool]) -> bool:
    """Take out the rows of all alerts that are figures, in steps; false when it was told not to go on."""
    with database.read() as connection:
        left = [
            alert_id
            for alert_id in connection.scalars(select(FIGURES.c.alert_id).order_by(FIGURES.c.alert_id))
            if any(_any_of(connection, table, alert_id) for table in _OF_ALERT)
        ]
    return all(_steps(database, may_go_on, _of_alert(alert_id)) for alert_id in left)


def remove_routine(database: Database, before: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Take out routine messages, codes, reminders that were heeded, and receipts and answers that belong to no message,
    from before that moment, as `remove_reduced` does."""
    return _steps(database, may_go_on, _old_routine(before))


def old_notices(before: datetime) -> ColumnElement[bool]:
    """SQL, true for routine messages from before that moment of which nothing waits. Not for the newest message."""
    of = DELIVERY.c.notice_id == NOTICE.c.id
    stays = exists().where(of, or_(DELIVERY.c.state.in_(UNDER_WAY), ~not_the_newest()))
    return (NOTICE.c.created_at < literal(before, UtcDateTime())) & ~stays


def old_codes(before: datetime) -> ColumnElement[bool]:
    """SQL, true for codes from before that moment that no routine message speaks of."""
    named = exists().where(NOTICE.c.challenge_id == CHALLENGE.c.id)
    return (CHALLENGE.c.created_at < literal(before, UtcDateTime())) & ~named


def stray_receipts(before: datetime) -> ColumnElement[bool]:
    """SQL, true for receipts of messages that nobody knows, from before that moment."""
    return RECEIPT.c.delivery_id.is_(None) & (RECEIPT.c.received_at < literal(before, UtcDateTime()))


def stray_answers(before: datetime) -> ColumnElement[bool]:
    """SQL, true for answers to no message that is on record, from before that moment."""
    return ANSWER.c.delivery_id.is_(None) & (ANSWER.c.received_at < literal(before, UtcDateTime()))


_Step = Callable[[Connection], int]


def _of_alert(alert_id: int) -> Iterator[_Step]:
    yield lambda connection: remove_deliveries(connection, [DELIVERY.c.alert_id == alert_id], _STEP // 4)
    for table in (DECISION, PROGRESS, MARK):
        yield _some_of(table, [table.c.alert_id == alert_id], table.c.id)
    yield _some_of(CHAIN, [CHAIN.c.alert_id == alert_id], CHAIN.c.guardian_id)
    yield _some_of(ALERT_STUDENT, [ALERT_STUDENT.c.alert_id == alert_id], ALERT_STUDENT.c.position)


def _old_routine(before: datetime) -> Iterator[_Step]:
    old = select(NOTICE.c.id).where(old_notices(before))
    yield lambda connection: remove_deliveries(connection, [DELIVERY.c.notice_id.in_(old)], _STEP // 4)
    unsent = ~exists().where(DELIVERY.c.notice_id == NOTICE.c.id)
    yield _some_of(NOTICE, [old_notices(before), unsent], NOTICE.c.id)
    yield _some_of(CHALLENGE, [old_codes(before)], CHALLENGE.c.id)
    # What was mended long ago; of what was not it must stay known how often the guardian was asked.
    yield _some_of(REMINDER, [REMINDER.c.fixed_at < literal(before, UtcDateTime())], REMINDER.c.id)
    yield _some_of(RECEIPT, [stray_receipts(before)], RECEIPT.c.id)
    yield _some_of(ANSWER, [stray_answers(before)], ANSWER.c.id)


def _some_of(table: Table, where: Sequence[ColumnElement[bool]], key: ColumnElement[int]) -> _Step:
    def step(connection: Connection) -> int:
        some = list(connection.scalars(select(key).where(*where).order_by(key).limit(_STEP)))
        connection.execute(delete(table).where(key.in_(some), *where))
        return len(some)

    return step


def _steps(database: Database, may_go_on: Callable[[], bool], steps: Iterator[_Step]) -> bool:
    for step in steps:
        while True:
            if not may_go_on():
                return False
            with database.write() as connection:
                if step(connection) == 0:
                    break
    return True


def _any_of(connection: Connection, table: Table, alert_id: int) -> bool:
    return connection.execute(select(table.c.alert_id).where(table.c.alert_id == alert_id).limit(1)).first() is not None
