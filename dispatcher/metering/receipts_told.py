"""Receipts that are on record are told of: counted, and where they are the last word, a line for each alert."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from dispatcher.metering.meter import Meter
from dispatcher.outbox.receipts import Arrived
from dispatcher.tables import ALERT, DELIVERY
from providers.base import ReceiptStatus

log = structlog.get_logger(__name__)

CALLBACK = "callback"
POLL = "poll"


def tell_of_receipts(database: Database, meter: Meter, provider: str, way: str, arrived: Sequence[Arrived]) -> None:
    """Call after the commit. Receipts of routine messages, and of messages that are not known, have no alert.

    A database that is away by then costs the line in the log, and nothing else.
    """
    meter.receipts(provider, way, [one.receipt.status for one in arrived])
    # That the provider has a message says nothing that our own record of the attempt does not.
    final = [one for one in arrived if one.receipt.status is not ReceiptStatus.PENDING]
    try:
        numbers = _numbers(database, {one.delivery_id for one in final if one.delivery_id is not None})
    except SQLAlchemyError as error:
        log.warning("receipts_not_told_of", count=len(final), error=type(error).__name__)
        return
    by_alert: dict[str | None, Counter[str]] = defaultdict(Counter)
    for one in final:
        by_alert[numbers.get(one.delivery_id)][one.receipt.status.value] += 1
    for alert, counts in by_alert.items():
        log.info("receipts", alert=alert, provider=provider, way=way, **counts)


def _numbers(database: Database, deliveries: set[int]) -> dict[int | None, str]:
    """The alert of each of these deliveries, by its number."""
    if not deliveries:
        return {}
    with database.read() as connection:
        rows = connection.execute(
            select(DELIVERY.c.id, ALERT.c.number)
            .join(ALERT, ALERT.c.id == DELIVERY.c.alert_id)
            .where(DELIVERY.c.id.in_(sorted(deliveries)))
        )
        return {row.id: row.number for row in rows}
