"""What deliveries teach us about an address: that its owner answered STOP, that it fails, that it works again.

STOP and failures belong to the address, whoever shares it. `failures` counts the messages in a row that failed because
of it; a phone that is off counts once a day, however often it is tried. One that arrives ends the row. After so many as
the settings say the address is failing, and no alert uses it until somebody is verified there anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, ScalarSelect, case, or_, select, text, update

from config.clock import db_now, plus_seconds
from contacts.tables import ADDRESS
from dispatcher.codes import DeliveryState
from dispatcher.outbox.move_statements import Moved
from dispatcher.tables import DELIVERY
from providers.errors import counts_against_address, is_passing_address_failure

_FAILED = (DeliveryState.REJECTED, DeliveryState.UNDELIVERED)
_DAY_SECONDS = 24 * 3600.0


def note_ends(connection: Connection, moved: Sequence[Moved], codes: Mapping[int, str | None]) -> None:
    """Count failures of the addresses of deliveries that ended, and forget those of addresses that work.

    `codes`: the provider's code of each delivery, by its id.
    """
    failed = {
        one.delivery_id: code
        for one in moved
        if one.to in _FAILED and counts_against_address(code := codes.get(one.delivery_id) or "")
    }
    passing = [delivery_id for delivery_id, code in failed.items() if is_passing_address_failure(code)]
    _count(connection, [delivery_id for delivery_id in failed if delivery_id not in passing])
    _count(connection, passing, once_a_day=True)
    arrived = [one.delivery_id for one in moved if one.to is DeliveryState.DELIVERED]
    if arrived:
        connection.execute(
            update(ADDRESS)
            .where(ADDRESS.c.failures > 0, ADDRESS.c.id.in_(_addresses_of(arrived)))
            .values(failures=0, failing_since=None)
        )


def _count(connection: Connection, failed: Collection[int], *, once_a_day: bool = False) -> None:
    if not failed:
        return
    statement = update(ADDRESS).where(ADDRESS.c.id.in_(_addresses_of(failed)))
    if once_a_day:
        yesterday = plus_seconds(db_now(), -_DAY_SECONDS)
        statement = statement.where(or_(ADDRESS.c.failed_at.is_(None), ADDRESS.c.failed_at <= yesterday))
    connection.execute(
        statement.values(
            failures=ADDRESS.c.failures + 1,
            failed_at=db_now(),
            # What was verified since it began to fail was wrong, or is out of date again.
            failing_since=case((ADDRESS.c.failing_since.is_not(None), db_now())),
        )
    )


def mark_failing(connection: Connection, after: int) -> int:
    """Take the addresses where `after` messages in a row have failed for failing; how many became so."""
    ripe = (
        select(ADDRESS.c.id)
        # Word for word the condition of the index: those that never failed are not looked at.
        .where(text("failures > 0 AND failing_since IS NULL"), ADDRESS.c.failures >= after)
        # Whose row somebody is writing has its turn the next time: nobody waits for us, nor we for them.
        .with_for_update(skip_locked=True, key_share=True)
    )
    return connection.execute(update(ADDRESS).where(ADDRESS.c.id.in_(ripe)).values(failing_since=db_now())).rowcount


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
