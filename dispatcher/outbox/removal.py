"""Taking messages out of the store for good, and taking out of them what leads to somebody.

The database does not hold on to what hangs on a message (docs/decisions/0022): it goes in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, update

from dispatcher.tables import ANSWER, ATTEMPT, DELIVERY, EVENT, RECEIPT, RECIPIENT


def not_the_newest() -> ColumnElement[bool]:
    """SQL, true for every message but the newest. That one must not be deleted: on SQLite the next one would get its
    id, and with it the Message-ID of an e-mail that a mailbox has seen."""
    return DELIVERY.c.id < select(func.max(DELIVERY.alias("any").c.id)).scalar_subquery()


def remove_deliveries(connection: Connection, of: Sequence[ColumnElement[bool]], limit: int) -> int:
    """Delete up to `limit` of the messages for which all of `of` holds, with all that hangs on them; how many went."""
    ids = list(connection.scalars(select(DELIVERY.c.id).where(*of).order_by(DELIVERY.c.id).limit(limit)))
    for table in (ANSWER, RECEIPT, EVENT, ATTEMPT, RECIPIENT):
        connection.execute(delete(table).where(table.c.delivery_id.in_(ids)))
    connection.execute(delete(DELIVERY).where(DELIVERY.c.id.in_(ids)))
    return len(ids)


def sent_to(connection: Connection, addresses: Collection[int]) -> list[int]:
    """Those of the addresses to which there is a message."""
    used = select(DELIVERY.c.address_id).where(DELIVERY.c.address_id.in_(addresses)).distinct()
    return list(connection.scalars(used))


def unused(address_id: ColumnElement[int]) -> ColumnElement[bool]:
    """SQL: there is no message to this address."""
    return ~exists().where(DELIVERY.c.address_id == address_id)


def forget_references(connection: Connection, addresses: Collection[int]) -> None:
    """Take out of the messages to these addresses what the provider calls them: by that, it can tell the number."""
    sent = select(DELIVERY.c.id).where(DELIVERY.c.address_id.in_(addresses))
    connection.execute(delete(RECEIPT).where(RECEIPT.c.delivery_id.in_(sent)))
    connection.execute(update(ATTEMPT).where(ATTEMPT.c.delivery_id.in_(sent)).values(reference=None))
    # Nor is the provider asked any more: it could not be said of which message.
    nothing = {"reference": None, "poll_at": None, "lookup_at": None}
    connection.execute(update(DELIVERY).where(DELIVERY.c.address_id.in_(addresses)).values(nothing))
