"""Have chains be looked at at once, and not only when their time is over: a message has failed, staff have called."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, or_, select, tuple_, update

from config.clock import db_now
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox.chain import ChainEnd
from dispatcher.outbox.move_statements import Moved
from dispatcher.tables import ALERT, CHAIN, DELIVERY, RECIPIENT

_FAILED = (DeliveryState.REJECTED, DeliveryState.UNDELIVERED)


def hasten(connection: Connection, moved: Iterable[Moved]) -> None:
    """Make the chains of those due now whose messages have just failed for good. Asks nothing when none has."""
    failed = [one.delivery_id for one in moved if one.to in _FAILED]
    if not failed:
        return
    whose = (
        select(DELIVERY.c.alert_id, RECIPIENT.c.guardian_id)
        .join(RECIPIENT, RECIPIENT.c.delivery_id == DELIVERY.c.id)
        .where(DELIVERY.c.id.in_(failed), DELIVERY.c.alert_id.is_not(None))
    )
    # One that is being looked at keeps nobody waiting here, who holds messages: its own time comes.
    free = (
        select(CHAIN.c.alert_id, CHAIN.c.guardian_id)
        .where(tuple_(CHAIN.c.alert_id, CHAIN.c.guardian_id).in_(whose), CHAIN.c.next_at > db_now())
        .with_for_update(skip_locked=True)
    )
    keys = [tuple(key) for key in connection.execute(free)]
    if keys:
        mine = tuple_(CHAIN.c.alert_id, CHAIN.c.guardian_id).in_(keys)
        connection.execute(update(CHAIN).where(mine).values(next_at=db_now()))


def judge_again(connection: Connection, alert_id: int, guardians: Collection[int]) -> None:
    """Have it judged anew, at once, whether these guardians of an alert under way have been told. The chain of one of
    whom that was confirmed goes on when nothing confirms it any more. Waits for whoever is just looking at them."""
    alive = select(ALERT.c.id).where(ALERT.c.id == alert_id, ALERT.c.state.in_((AlertState.PLANNING, AlertState.OPEN)))
    connection.execute(
        update(CHAIN)
        .where(
            CHAIN.c.alert_id == alive.scalar_subquery(),
            CHAIN.c.guardian_id.in_(guardians),
            or_(CHAIN.c.next_at.is_not(None), CHAIN.c.ended == ChainEnd.CONFIRMED),
        )
        .values(next_at=db_now(), ended=None)
    )
