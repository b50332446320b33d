"""What providers say later: kept once, matched to its delivery, and let through only where the table allows it.

Receipts come late, twice and out of order, before our own commit, and for deliveries we do not know (yet).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select, update

from dispatcher.codes import DeliveryState, MoveSource
from dispatcher.outbox.moves import Move, apply_moves
from dispatcher.outbox.record import upsert
from dispatcher.outbox.transitions import state_after_receipt
from dispatcher.tables import ATTEMPT, DELIVERY, RECEIPT
from providers.base import Receipt, ReceiptStatus

# How many unmatched receipts are looked at again in one go.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Arrived:
    """A receipt as it came in. The callback URL names the delivery and the attempt; a poll knows the reference only."""

    receipt: Receipt
    delivery_id: int | None = None
    attempt: int | None = None


def take_receipts(
    connection: Connection, provider: str, arrived: Sequence[Arrived], source: MoveSource = MoveSource.RECEIPT
) -> int:
    """Keep receipts and apply them, in the caller's transaction; the number of those that were new.

    One that fits no delivery is kept, and matched when the delivery's reference becomes known (`match_waiting`).
    """
    new = [one for one in arrived if _store(connection, provider, one)]
    matched = _match(connection, provider, new)
    _apply(connection, matched, source)
    return len(new)


def match_waiting(connection: Connection) -> int:
    """Try again to match receipts that fitted no delivery when they came; the number matched."""
    waiting = connection.execute(
        select(RECEIPT.c.id, RECEIPT.c.reference, RECEIPT.c.status, RECEIPT.c.code, ATTEMPT.c.delivery_id)
        .join(ATTEMPT, and_(ATTEMPT.c.reference == RECEIPT.c.reference, ATTEMPT.c.provider == RECEIPT.c.provider))
        .where(RECEIPT.c.delivery_id.is_(None))
        .order_by(RECEIPT.c.id)
        .limit(_BATCH)
    ).all()
    for row in waiting:
        connection.execute(update(RECEIPT).where(RECEIPT.c.id == row.id).values(delivery_id=row.delivery_id))
    found = [(row.delivery_id, Receipt(row.reference, ReceiptStatus(row.status), row.code)) for row in waiting]
    _apply(connection, found, MoveSource.RECEIPT)
    return len(found)


def _store(connection: Connection, provider: str, one: Arrived) -> bool:
    """Keep the receipt; False when the provider has said the same before."""
    known = one.delivery_id is not None and (
        connection.execute(select(DELIVERY.c.id).where(DELIVERY.c.id == one.delivery_id)).scalar() is not None
    )
    statement = (
        upsert(connection, RECEIPT)
        .values(
            provider=provider,
            reference=one.receipt.reference,
            status=one.receipt.status.value,
            code=one.receipt.code,
            delivery_id=one.delivery_id if known else None,
            attempt=one.attempt,
        )
        .on_conflict_do_nothing(index_elements=["provider", "reference", "status"])
        .returning(RECEIPT.c.id)
    )
    return connection.execute(statement).first() is not None


def _match(connection: Connection, provider: str, new: Sequence[Arrived]) -> list[tuple[int, Receipt]]:
    """(delivery, receipt) for those whose delivery is known: by the callback URL, else by the reference."""
    references = [one.receipt.reference for one in new]
    by_url = {
        row.reference: row.delivery_id
        for row in connection.execute(
            select(RECEIPT.c.reference, RECEIPT.c.delivery_id).where(
                RECEIPT.c.provider == provider,
                RECEIPT.c.reference.in_(references),
                RECEIPT.c.delivery_id.is_not(None),
            )
        )
    }
    missing = [one.receipt.reference for one in new if one.receipt.reference not in by_url]
    by_attempt = {
        row.reference: row.delivery_id
        for row in connection.execute(
            select(ATTEMPT.c.reference, ATTEMPT.c.delivery_id).where(
                ATTEMPT.c.provider == provider, ATTEMPT.c.reference.in_(missing)
            )
        )
    }
    for reference, delivery_id in by_attempt.items():
        connection.execute(
            update(RECEIPT)
            .where(RECEIPT.c.provider == provider, RECEIPT.c.reference == reference)
            .values(delivery_id=delivery_id)
        )
    owners = by_url | by_attempt
    return [(owners[one.receipt.reference], one.receipt) for one in new if one.receipt.reference in owners]


def _apply(connection: Connection, matched: Sequence[tuple[int, Receipt]], source: MoveSource) -> None:
    """Move the deliveries; of several receipts for one delivery, the final one counts."""
    best: dict[int, Receipt] = {}
    for delivery_id, receipt in matched:
        if delivery_id not in best or receipt.status is not ReceiptStatus.PENDING:
            best[delivery_id] = receipt
    final = [(d, r) for d, r in best.items() if r.status is not ReceiptStatus.PENDING]
    pending = [(d, r) for d, r in best.items() if r.status is ReceiptStatus.PENDING]
    apply_moves(connection, [_move(*one) for one in final], source)
    # That the provider has a message is news only where we did not know: our own record says it better elsewhere.
    unsure = _unsure(connection, [delivery_id for delivery_id, _ in pending])
    apply_moves(connection, [_move(d, r) for d, r in pending if d in unsure], source)


def _unsure(connection: Connection, delivery_ids: Sequence[int]) -> set[int]:
    states = (DeliveryState.UNKNOWN, DeliveryState.QUEUED, DeliveryState.DEFERRED)
    statement = select(DELIVERY.c.id).where(DELIVERY.c.id.in_(delivery_ids), DELIVERY.c.state.in_(states))
    return set(connection.execute(statement).scalars())


def _move(delivery_id: int, receipt: Receipt) -> Move:
    return Move(
        delivery_id, state_after_receipt(receipt.status), code=receipt.code or None, reference=receipt.reference
    )
