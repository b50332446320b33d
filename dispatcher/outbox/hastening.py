"""Have chains be looked at as soon as a message of theirs has failed, and not only when its time is over."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select, tuple_, update

from config.clock import db_now
from dispatcher.codes import DeliveryState
from dispatcher.outbox.move_statements import Moved
from dispatcher.tables import CHAIN, DELIVERY, RECIPIENT

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
