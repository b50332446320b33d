"""What deliveries teach us about an address: that its owner answered STOP, that it fails, that it works again.

STOP and failures belong to the address, whoever shares it. `failures` counts the messages in a row that no later try
could have brought; one that arrives ends the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, ScalarSelect, select, update

from config.clock import db_now
from contacts.tables import ADDRESS
from dispatcher.codes import DeliveryState
from dispatcher.outbox.move_statements import Moved
from dispatcher.tables import DELIVERY
from providers.errors import is_permanent_address_failure

_FAILED = (DeliveryState.REJECTED, DeliveryState.UNDELIVERED)


def note_ends(connection: Connection, moved: Sequence[Moved], codes: Mapping[int, str | None]) -> None:
    """Count permanent failures of the addresses of deliveries that ended, and forget those of addresses that work.

    `codes`: the provider's code of each delivery, by its id.
    """
    failed = [
        one.delivery_id
        for one in moved
        if one.to in _FAILED and is_permanent_address_failure(codes.get(one.delivery_id) or "")
    ]
    if failed:
        connection.execute(
            update(ADDRESS)
            .where(ADDRESS.c.id.in_(_addresses_of(failed)))
            .values(failures=ADDRESS.c.failures + 1, failed_at=db_now())
        )
    arrived = [one.delivery_id for one in moved if one.to is DeliveryState.DELIVERED]
    if arrived:
        connection.execute(
            update(ADDRESS).where(ADDRESS.c.failures > 0, ADDRESS.c.id.in_(_addresses_of(arrived))).values(failures=0)
        )


def note_opt_outs(connection: Connection, delivery_ids: Collection[int]) -> None:
    """The owners of these deliveries' numbers answered STOP: nobody who shares one gets SMS there any more."""
    if delivery_ids:
        connection.execute(
            update(ADDRESS)
            .where(ADDRESS.c.id.in_(_addresses_of(delivery_ids)), ADDRESS.c.opted_out_at.is_(None))
            .values(opted_out_at=db_now())
        )


def _addresses_of(delivery_ids: Collection[int]) -> ScalarSelect[int]:
    return select(DELIVERY.c.address_id).where(DELIVERY.c.id.in_(delivery_ids)).scalar_subquery()
