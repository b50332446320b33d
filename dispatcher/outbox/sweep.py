"""What time itself does: leases run out, alerts expire and end, stopped ones lose what has not left.

Every step may be run by any process, at any time, by several at once: each row is moved by a guarded move.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    exists,
    func,
    null,
    or_,
    select,
    true,
    update,
)

from config.clock import db_now, plus_seconds
from config.database import Database
from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState, Lane, MoveSource
from dispatcher.outbox.claim import ALIVE
from dispatcher.outbox.fallback import goes_on
from dispatcher.outbox.following import REPLACED
from dispatcher.outbox.move_statements import Move
from dispatcher.outbox.moves import apply_moves
from dispatcher.outbox.progress import fold_progress
from dispatcher.outbox.reconcile import GRACE_SECONDS
from dispatcher.outbox.record import LOST_CLAIM, AttemptRow, Patience, unknown_wait, write_attempts
from dispatcher.outbox.transitions import DUE
from dispatcher.tables import ALERT, DELIVERY, PROGRESS

log = structlog.get_logger(__name__)

LEASE_LOST = "lease_lost"
EXPIRED = "expired"
STOPPED = "stopped"
# Rows moved in one transaction: a stop of a large alert must not hold the database.
_BATCH = 1000


def sweep(database: Database, patience: Patience) -> int:
    """Do all that is due by now; the number of deliveries moved. Cheap when nothing is."""
    moved = _until_done(database, lambda connection: lost_leases(connection, patience))
    moved += _until_done(database, cancel_stopped)
    moved += _until_done(database, expire_deliveries)
    _close_ended_alerts(database)
    fold_progress(database)
    return moved


def _until_done(database: Database, step: Callable[[Connection], int]) -> int:
    total = 0
    while True:
        with database.write() as connection:
            count = step(connection)
        total += count
        if count < _BATCH:
            return total


def lost_leases(connection: Connection, patience: Patience) -> int:
    """Claims whose lease ran out: whether they left is unknown, and is looked up before anything is sent again."""
    rows = connection.execute(
        select(
            DELIVERY.c.id,
            DELIVERY.c.state,
            DELIVERY.c.attempt,
            DELIVERY.c.channel,
            DELIVERY.c.repeats,
            DELIVERY.c.claimed_at,
            DELIVERY.c.provider,
        )
        .where(DELIVERY.c.state == DeliveryState.SENDING, DELIVERY.c.lease_until < db_now())
        .order_by(DELIVERY.c.lease_until)
        .limit(_BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    if not rows:
        return 0
    apply_moves(
        connection,
        [
            Move(
                row.id,
                DeliveryState.UNKNOWN,
                attempt=row.attempt,
                code=LEASE_LOST,
                wait_seconds=unknown_wait(row.channel, row.repeats, patience.settle),
            )
            for row in rows
        ],
        MoveSource.SWEEP,
        locked={row.id: row.state for row in rows},
        further=LOST_CLAIM,
    )
    write_attempts(
        connection,
        [
            AttemptRow(row.id, row.attempt, row.provider, row.claimed_at, AttemptOutcome.UNKNOWN, code=LEASE_LOST)
            for row in rows
        ],
    )
    return len(rows)


def cancel_stopped(connection: Connection) -> int:
    """What has not left of stopped alerts is cancelled; the reason tells whether a follow-up stopped them."""
    waiting = _waiting_alerts()
    stopped = (
        select(waiting.c.alert_id, ALERT.c.replaced_at)
        .join(ALERT, ALERT.c.id == waiting.c.alert_id)
        .where(ALERT.c.state == AlertState.STOPPED)
    )
    codes = {
        row.alert_id: STOPPED if row.replaced_at is None else REPLACED for row in connection.execute(stopped).all()
    }
    return _move_due(connection, codes, (), DeliveryState.CANCELLED)


def expire_deliveries(connection: Connection) -> int:
    """What has not left when its time is over never leaves."""
    waiting = _waiting_alerts()
    over = select(waiting.c.alert_id).where(_first_expiry(DELIVERY.c.alert_id == waiting.c.alert_id) <= db_now())
    notices = select(null()).where(_first_expiry(DELIVERY.c.alert_id.is_(None)) <= db_now())
    alerts = connection.execute(over.union_all(notices)).scalars().all()
    expired = dict.fromkeys(alerts, EXPIRED)
    return _move_due(connection, expired, [DELIVERY.c.expires_at <= db_now()], DeliveryState.EXPIRED)


def _waiting_alerts() -> CTE:
    """The alerts that have due rows; leaps through the index from one to the next, however many rows each has."""
    lowest = select(func.min(DELIVERY.c.alert_id).label("alert_id")).where(DELIVERY.c.state.in_(DUE))
    waiting = lowest.cte("waiting", recursive=True)
    following = lowest.where(DELIVERY.c.alert_id > waiting.c.alert_id).scalar_subquery()
    return waiting.union_all(select(following).where(waiting.c.alert_id.is_not(None)))


def _first_expiry(of: ColumnElement[bool]) -> ScalarSelect[Any]:
    """When the first of these due rows expires; NULL when there is none. One look into the index, as `exists` is not:
    PostgreSQL expects to meet such a row soon, wherever it looks, and reads through all those that are done."""
    return select(func.min(DELIVERY.c.expires_at)).where(DELIVERY.c.state.in_(DUE), of).scalar_subquery()


def _move_due(
    connection: Connection,
    codes: Mapping[int | None, str],
    where: Sequence[ColumnElement[bool]],
    to: DeliveryState,
) -> int:
    """Move the due rows of these alerts (None: of notices), at most a batch of each. `codes`: the reason, by alert."""
    count = 0
    for alert_id, code in codes.items():
        rows = connection.execute(
            select(DELIVERY.c.id, DELIVERY.c.state)
            .where(DELIVERY.c.alert_id == alert_id, DELIVERY.c.state.in_(DUE), *where)
            .order_by(DELIVERY.c.expires_at)  # the index's own order: none of the others is read
            .limit(_BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        ).all()
        moves = [Move(row.id, to, code=code) for row in rows]
        apply_moves(connection, moves, MoveSource.SWEEP, locked={row.id: row.state for row in rows})
        count += len(rows)
    return count


def _any_moving(*of: ColumnElement[bool]) -> ColumnElement[bool]:
    """That such a delivery may yet move without a person: it is due, on its way, or waits for a look-up or a receipt.

    Asked one after the other, each of the index that holds just those rows.
    """
    others = (
        DELIVERY.c.state == DeliveryState.SENDING,
        and_(DELIVERY.c.state == DeliveryState.UNKNOWN, DELIVERY.c.lookup_at.is_not(None)),
        and_(DELIVERY.c.state == DeliveryState.ACCEPTED, DELIVERY.c.poll_at.is_not(None)),
    )
    return or_(
        _first_expiry(and_(true(), *of)).is_not(None),
        *(exists(select(DELIVERY.c.id).where(other, *of)) for other in others),
    )


def _close_ended_alerts(database: Database) -> None:
    """An open alert that nothing moves any more, and no chain of which goes on, is closed; one whose time is over with
    messages unsent is expired."""
    with database.read() as connection:
        moving = _any_moving(DELIVERY.c.alert_id == ALERT.c.id) | goes_on(ALERT.c.id)
        over = ALERT.c.expires_at <= db_now()
        ended = connection.execute(
            select(ALERT.c.id, ALERT.c.number).where(
                ALERT.c.state.in_(ALIVE), or_(over, and_(ALERT.c.state == AlertState.OPEN, ~moving))
            )
        ).all()
    for row in ended:
        with database.write() as connection:
            state = _end(connection, row.id)
        if state is not None:
            log.info("alert_ended", alert=row.number, state=state.value)


def _end(connection: Connection, alert_id: int) -> AlertState | None:
    """The state in which the alert ended; None when it goes on after all."""
    # The row is ours before anybody looks at its messages: a second chance given meanwhile keeps the alert open.
    connection.execute(select(ALERT.c.id).where(ALERT.c.id == alert_id).with_for_update(key_share=True))
    moving = _any_moving(DELIVERY.c.alert_id == ALERT.c.id) | goes_on(ALERT.c.id)
    of_alert = DELIVERY.c.alert_id == ALERT.c.id
    unsent = or_(
        _first_expiry(of_alert).is_not(None),
        exists(select(DELIVERY.c.id).where(of_alert, DELIVERY.c.state == DeliveryState.SENDING)),
        # Of a final state the progress knows as well, in a few rows.
        exists(
            select(PROGRESS.c.id).where(PROGRESS.c.alert_id == ALERT.c.id, PROGRESS.c.state == DeliveryState.EXPIRED)
        ),
    )
    over = ALERT.c.expires_at <= db_now()
    values: dict[str, Any] = {"ended_at": db_now(), "planner": None, "planner_until": None}
    expired = connection.execute(
        update(ALERT)
        .where(ALERT.c.id == alert_id, ALERT.c.state.in_(ALIVE), over)
        .where(or_(unsent, ALERT.c.state == AlertState.PLANNING))
        .values(state=AlertState.EXPIRED, **values)
    ).rowcount
    if expired:
        return AlertState.EXPIRED
    closed = connection.execute(
        update(ALERT)
        .where(ALERT.c.id == alert_id, ALERT.c.state == AlertState.OPEN, or_(over, ~moving))
        .values(state=AlertState.CLOSED, **values)
    ).rowcount
    return AlertState.CLOSED if closed else None


def anything_left(connection: Connection) -> bool:
    """Whether an alert is alive, or a delivery may yet move without a person: whoever drains may not end yet."""
    alerts = exists().where(ALERT.c.state.in_(ALIVE))
    return bool(connection.execute(select(alerts | _any_moving())).scalar())


def nobody_to_ask(connection: Connection, lane: Lane, providers: Collection[str]) -> None:
    """Of messages that were given to others than these providers nobody asks any more, once their time is long over.

    A provider that left the settings cannot be asked; but it may come back as long as the answer matters.
    """
    late = plus_seconds(db_now(), -GRACE_SECONDS)
    orphaned = (DELIVERY.c.lane == lane, DELIVERY.c.provider.not_in(providers), DELIVERY.c.expires_at < late)
    for state, asked_at in (
        (DeliveryState.UNKNOWN, DELIVERY.c.lookup_at),
        (DeliveryState.ACCEPTED, DELIVERY.c.poll_at),
    ):
        # Nearly always there is none, and reading takes no lock.
        found = select(DELIVERY.c.id).where(DELIVERY.c.state == state, asked_at < late, *orphaned).limit(_BATCH)
        ids = connection.execute(found).scalars().all()
        if ids:
            statement = update(DELIVERY).where(DELIVERY.c.id.in_(ids), DELIVERY.c.state == state)
            connection.execute(statement.values({asked_at: None}))
